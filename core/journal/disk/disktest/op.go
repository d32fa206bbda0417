package disktest

// Kind is what an operation does.
type Kind string

// The kinds. All but the last four change something, and have an ordinal.
const (
	Create    Kind = "create"
	Allocate  Kind = "allocate" // what Create does to the size, in Cut only
	Write     Kind = "write"
	Truncate  Kind = "truncate"
	Sync      Kind = "sync"
	Rename    Kind = "rename"
	Remove    Kind = "remove"
	SyncNames Kind = "sync names" // FS.Sync
	Open      Kind = "open"
	Read      Kind = "read"
	List      Kind = "list"
	Free      Kind = "free"
)

// changes reports whether the kind changes something.
func (k Kind) changes() bool {
	switch k {
	case Open, Read, List, Free:
		return false
	}
	return true
}

// named reports whether it is done to a file.
func (k Kind) named() bool {
	return k != SyncNames && k != List && k != Free
}

// Op is one operation.
type Op struct {
	Kind    Kind
	Ordinal int    // from 1, among those that change something; 0 for the others
	Name    string // of the file; that under which it was opened
	To      string // new name, of a Rename
	Offset  int64
	Length  int64 // in bytes; the size, of Create, Allocate and Truncate
}
