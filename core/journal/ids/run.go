package ids

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// run is a file of identities, sorted by hash: a header, the entries, the
// index. It never changes. Only the index is in memory.
type run struct {
	header
	file  disk.File
	index *index
	bad   bool // an entry could not be read: no merge takes it any more
}

// The names of files. A draft becomes a run when it is whole and synced; a
// damaged run that was given up is set aside for whoever wants to look at it.
const (
	prefix  = "ids-"
	draft   = ".tmp"
	whole   = ".run"
	damaged = ".damaged"
)

func runName(number uint64) string { return fmt.Sprintf(prefix+"%08d", number) + whole }

func draftName(number uint64) string { return fmt.Sprintf(prefix+"%08d", number) + draft }

// parseName returns the number and the ending of a file's name, if it is one
// of ours.
func parseName(name string) (number uint64, ending string, ok bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, "", false
	}
	digits, ending, ok := strings.Cut(rest, ".")
	if !ok {
		return 0, "", false
	}
	ending = "." + ending
	number, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || fmt.Sprintf(prefix+"%08d", number)+ending != name {
		return 0, "", false
	}
	return number, ending, ending == draft || ending == whole || ending == damaged
}

// openRun opens a run and reads its header and its index. What is allocated is
// never more than what the file is large.
func openRun(fs disk.FS, number uint64) (_ *run, err error) {
	file, err := fs.Open(runName(number))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
		}
	}()
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	if size < pageSize {
		return nil, fmt.Errorf("ids: %s: too short: %w", runName(number), ErrDamaged)
	}
	body, err := readPage(file, number, 0)
	if err != nil {
		return nil, err
	}
	h, err := decodeHeader(number, body, size)
	if err != nil {
		return nil, err
	}
	x, err := readIndex(file, &h)
	if err != nil {
		return nil, err
	}
	return &run{header: h, file: file, index: x}, nil
}

// find looks a hash up. It reads the disk, nearly always one page, only when
// the index has a print like the hash's.
func (r *run) find(h Hash) (k Known, ok bool, reads uint64, err error) {
	from, to := r.index.find(h)
	for from < to {
		page := from / pageEntries
		body, err := readPage(r.file, r.number, 1+page)
		reads++
		if err != nil {
			return Known{}, false, reads, err
		}
		for end := min(to, (page+1)*pageEntries); from < end; from++ {
			var e entry
			e.decode(body[from%pageEntries*entrySize:])
			if e.hash == h {
				return e.Known, true, reads, nil
			}
		}
	}
	return Known{}, false, reads, nil
}
