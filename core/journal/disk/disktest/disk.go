// Package disktest is a disk in memory for tests, honest about what a power cut
// may leave.
//
// [New] gives a [Disk]. A test runs its work on it, once undisturbed and then
// with [Disk.StopAt] at each of its [Disk.Operations], and opens what
// [Disk.CutMask] (every outcome) or [Disk.CutSeed] (a random one) leaves:
//
//   - What was synced is there.
//   - Of writes not yet synced any may be there, in any combination, whole or
//     some of their 512-byte sectors. Each change of a file's size is there or
//     not, that of Create too.
//   - Of names created, renamed and removed since the directory was synced, the
//     first few may be there, whatever became of the data: journalled file
//     systems keep their order.
//   - A Sync that fails leaves writes that no later Sync makes durable, as on
//     Linux: the cache holds them for clean. They read well until the cut.
//
// [Disk.Fail] makes single operations fail. All of it is the same for the same
// calls and seeds.
package disktest

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// DefaultSize is the size of a disk whose options name none: 1 TiB.
const DefaultSize = 1 << 40

// ErrStopped is what everything fails with once the process has stopped or the
// power was cut.
var ErrStopped = errors.New("the process was stopped here")

// Options are the settings of a disk.
type Options struct {
	Size int64 // bytes; 0 means DefaultSize
}

// Disk is one directory on a disk. Safe for concurrent use. Files take memory
// up to the last byte written, whatever their size.
type Disk struct {
	mu         sync.Mutex
	size, used int64
	names      names
	operations int // that change something, so far
	applied    int // changes to files and names, so far
	stop       int // the operation that is not done any more; 0 for none
	dead       bool
	fail       func(Op) error
}

var _ disk.FS = (*Disk)(nil)

// New gives an empty disk.
func New(o Options) *Disk {
	if o.Size == 0 {
		o.Size = DefaultSize
	}
	return &Disk{size: o.Size, names: newNames(map[string]*inode{})}
}

// Create is two choices of a power cut: the name, and the file's size.
func (d *Disk) Create(name string, size int64) (disk.File, error) {
	n := new(inode)
	err := d.do(Op{Kind: Create, Name: name, Length: size}, func(c call) error {
		if d.names.live[name] != nil {
			return fs.ErrExist
		}
		if size < 0 {
			return fs.ErrInvalid
		}
		if err := d.resize(n, size); err != nil {
			return err
		}
		d.rename(nameOp{Op: c.Op, node: n})
		n.handles++
		if size > 0 {
			c.Kind = Allocate
			d.change(n, change{Op: c.Op})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &file{disk: d, node: n, name: name}, nil
}

func (d *Disk) Open(name string) (disk.File, error) {
	var n *inode
	err := d.do(Op{Kind: Open, Name: name}, func(call) error {
		if n = d.names.live[name]; n == nil {
			return fs.ErrNotExist
		}
		n.handles++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &file{disk: d, node: n, name: name}, nil
}

func (d *Disk) List() (names []string, err error) {
	err = d.do(Op{Kind: List}, func(call) error {
		names = slices.Sorted(maps.Keys(d.names.live))
		return nil
	})
	return names, err
}

func (d *Disk) Rename(old, new string) error {
	return d.do(Op{Kind: Rename, Name: old, To: new}, func(c call) error {
		n := d.names.live[old]
		if n == nil {
			return fs.ErrNotExist
		}
		if old != new {
			d.rename(nameOp{Op: c.Op, node: n})
		}
		return nil
	})
}

func (d *Disk) Remove(name string) error {
	return d.do(Op{Kind: Remove, Name: name}, func(c call) error {
		if d.names.live[name] == nil {
			return fs.ErrNotExist
		}
		d.rename(nameOp{Op: c.Op})
		return nil
	})
}

// Sync, when it fails, leaves names as they were. The next one that succeeds
// covers them too: a journal that could not be written takes no more.
func (d *Disk) Sync() error {
	return d.do(Op{Kind: SyncNames}, func(c call) error {
		d.names.sync(c.began)
		return nil
	})
}

func (d *Disk) Free() (free, total int64, err error) {
	err = d.do(Op{Kind: Free}, func(call) error {
		free, total = max(0, d.size-d.used), d.size
		return nil
	})
	return free, total, err
}

// Names gives the names of all files, sorted, also of a disk that is dead.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.names.live))
}

// Bytes gives what a file holds, synced or not, also of a disk that is dead;
// nil when there is none of that name.
func (d *Disk) Bytes(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names.live[name]
	if n == nil {
		return nil
	}
	all := make([]byte, n.live.size)
	copy(all, n.live.data)
	return all
}

// rename changes a name, and lets go of a file that lost its own.
func (d *Disk) rename(o nameOp) {
	d.applied++
	o.at = d.applied
	if lost := d.names.change(o); lost != nil {
		d.release(lost)
	}
}

// change writes down what was done to a file.
func (d *Disk) change(n *inode, c change) {
	d.applied++
	c.at = d.applied
	n.change(c)
}

// resize takes or gives back room, so that a file can have size bytes.
func (d *Disk) resize(n *inode, size int64) error {
	more := size - n.room
	if more > 0 && more > d.size-d.used {
		return disk.ErrFull
	}
	n.room = size
	d.used += more
	return nil
}

// release gives back the room of a file that has no name and no handle.
func (d *Disk) release(n *inode) {
	if n.handles == 0 && !d.names.has(n) {
		d.used -= n.room
		n.room = 0
	}
}
