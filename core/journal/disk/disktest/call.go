package disktest

import (
	"io"
	"io/fs"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// call is an operation under way.
type call struct {
	Op
	began int   // changes that were there when it began
	fault error // what the test makes it fail with
}

// do gives an operation its ordinal, asks the test whether it fails, and does
// it. Write and Sync leave something behind when they fail, so theirs is told.
func (d *Disk) do(op Op, act func(call) error) error {
	c, fail, err := d.begin(op)
	if err == nil && fail != nil {
		c.fault = fail(c.Op)
	}
	if err == nil {
		err = d.end(c, act)
	}
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: string(op.Kind), Path: op.Name, Err: err}
}

func (d *Disk) begin(op Op) (c call, fail func(Op) error, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead || op.Kind.changes() && d.stop > 0 && d.operations+1 >= d.stop {
		d.dead = true
		return c, nil, ErrStopped
	}
	if op.Kind.named() && !disk.ValidName(op.Name) || op.Kind == Rename && !disk.ValidName(op.To) {
		return c, nil, fs.ErrInvalid
	}
	if op.Kind.changes() {
		d.operations++
		op.Ordinal = d.operations
	}
	return call{Op: op, began: d.applied}, d.fail, nil
}

func (d *Disk) end(c call, act func(call) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.dead:
		return ErrStopped
	case c.fault != nil && c.Kind != Write && c.Kind != Sync:
		return c.fault
	}
	return act(c)
}
