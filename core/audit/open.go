package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Open opens the log of a directory, or begins one. It reads the newest file and
// holds it against the newest checkpoints, local ones and those that exports can
// give back. What a crash has left half-written behind them is cut off. A log that
// contradicts a checkpoint is not opened: ErrContradiction.
func Open(o Options) (*Log, error) {
	o.MaxFile = cmp.Or(o.MaxFile, DefaultMaxFile)
	o.Checkpoint = cmp.Or(o.Checkpoint, DefaultCheckpoint)
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Log{o: o, turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), enc: encoder{boot: o.Boot}}
	var err error
	if l.signer, l.key, err = newSigner(o.Origin, o.Key); err != nil {
		return nil, err
	}
	l.refusals.init(o.Now)
	for _, e := range o.Exports {
		l.exports = append(l.exports, newExporter(e, l))
	}
	if err := l.load(); err != nil {
		err = errors.Join(err, l.ledger.close())
		if l.file != nil {
			err = errors.Join(err, l.file.Close())
		}
		return nil, fmt.Errorf("audit log: %w", err)
	}
	if len(o.Exports) == 0 {
		o.Log.Warn().Msg("checkpoints of the audit log are not exported: whoever has this disk and the audit key can rewrite the log unseen")
	}
	return l, nil
}

func (l *Log) load() (err error) {
	l.ledger = &ledger{fs: l.o.FS}
	names, err := l.o.FS.List()
	if err != nil {
		return err
	}
	if l.ledger, err = openLedger(l.o.FS); err != nil {
		l.ledger = &ledger{fs: l.o.FS}
		return err
	}
	known, err := l.known()
	if err != nil {
		return err
	}
	for _, f := range filesOf(names) {
		l.files = append(l.files, logFile{file: f})
	}
	if err := l.loadFiles(); err != nil {
		return err
	}
	cut, err := l.loadNewest(known)
	if err != nil {
		return err
	}
	l.signed = l.ledger.newest()
	if c := l.signed; c.Size > 0 {
		for _, e := range l.exports {
			e.offer(c)
		}
	}
	if len(l.files) == 0 || l.file == nil {
		if err := l.begin(); err != nil {
			return err
		}
	}
	l.watchDisk()
	if cut == nil {
		return nil
	}
	l.o.Log.Warn().Str("file", cut.Detail["file"]).Str("bytes", cut.Detail["bytes"]).Msg("the end of the audit log was not whole, and is cut off")
	return l.Write(context.Background(), *cut)
}

// known are the checkpoints that the log must not contradict: the newest local
// one, and the newest that each export gives back.
func (l *Log) known() (list []told, err error) {
	if c := l.ledger.newest(); c.Size > 0 {
		list = append(list, told{c, "the local checkpoint"})
	}
	for _, e := range l.exports {
		back, ok := e.to.(Remembering)
		if !ok {
			continue
		}
		signed, err := back.Newest()
		if err != nil {
			return nil, fmt.Errorf("export %s: %w", e.to.Name(), err)
		}
		if signed == nil {
			continue
		}
		c, err := ParseCheckpoint(signed)
		if err != nil {
			return nil, fmt.Errorf("export %s: %w", e.to.Name(), err)
		}
		list = append(list, told{c, "the checkpoint at " + e.to.Name()})
	}
	for i := range list {
		if err := list[i].Verify(note.Verifier(l.signer)); err != nil {
			return nil, fmt.Errorf("%w: %s: %w: give back the audit key that signed it, or move the audit directory (and what is at its exports) aside, and keep it as evidence",
				ErrContradiction, list[i].from, err)
		}
	}
	slices.SortStableFunc(list, func(a, b told) int { return cmp.Compare(a.Size, b.Size) })
	return list, nil
}

// told is a checkpoint, and where it is from.
type told struct {
	Checkpoint
	from string
}

// loadNewest reads the newest file that was begun whole, cuts off what is behind
// its last good line, and holds it against what is known.
func (l *Log) loadNewest(known []told) (cut *Record, _ error) {
	for len(l.files) > 0 && l.file == nil {
		at := len(l.files) - 1
		f, err := l.o.FS.Open(l.files[at].name)
		if err != nil {
			return nil, err
		}
		r := recovery{index: l.files[at].index, known: known}
		if err := r.read(f); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", l.files[at].name, err), f.Close())
		}
		if r.begun {
			l.file, l.written, l.synced = f, r.mark, r.mark
			l.files[at].opened, l.files[at].bytes = r.opened, 0
			if err := enough(known, r.tree.size); err != nil { // before anything is changed
				return nil, err
			}
			if err := f.Sync(); err != nil { // of a process that died there may be lines in memory
				return nil, err
			}
			return l.cutTail(&r)
		}
		if err := errors.Join(f.Close(), enough(known, r.index)); err != nil {
			return nil, err
		}
		// It was being made when the power went.
		l.files = l.files[:at]
		if err := errors.Join(l.o.FS.Remove(fileName(r.index)), l.o.FS.Sync()); err != nil {
			return nil, err
		}
	}
	return nil, enough(known, 0)
}

// enough checks that a log of size records has all that are known.
func enough(known []told, size int64) error {
	for _, c := range known {
		if c.Size > size {
			return fmt.Errorf("%w: it has %d records, and %s covers %d: %s", ErrContradiction, size, c.from, c.Size, moveAside)
		}
	}
	return nil
}

// moveAside is what to do about a contradiction.
const moveAside = "headgate audit verify names the first bad record; move the audit directory (and what is at its exports) aside, keep it as evidence, and start with a new one"

// cutTail cuts off what is behind the last good line. The record says what.
func (l *Log) cutTail(r *recovery) (*Record, error) {
	if r.rest == 0 {
		return nil, nil
	}
	if err := l.file.Truncate(r.off); err != nil {
		return nil, err
	}
	if err := l.file.Sync(); err != nil {
		return nil, err
	}
	return &Record{Action: ActionCut, Outcome: Success, Detail: map[string]string{
		"file":   fileName(r.index),
		"bytes":  strconv.FormatInt(r.rest, 10),
		"sha256": r.digest,
	}}, nil
}
