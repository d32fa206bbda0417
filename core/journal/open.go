package journal

import (
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/ids"
)

// Open reads the journal in o.Dir, or begins one there. Nobody else may have
// it open: the caller holds the lock of its directory.
func Open(o Options) (_ *Journal, err error) {
	if o.FS == nil {
		if o.FS, err = disk.Open(o.Dir); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
	}
	j := &Journal{o: o, fs: o.FS, log: o.Log, gather: newGroup(), joining: make(map[ids.Hash]*pending), channels: make(map[string]*channel),
		cache: newCache(), waiters: make(map[uint64][]chan struct{}), tidy: make(chan struct{}, 1)}
	for name, most := range o.MaxPending {
		j.channels[name] = newChannel(name, most)
	}
	j.ids, err = ids.Open(ids.Options{FS: o.FS, Remember: max(o.Remember, o.KeepStatus), Max: o.MaxIDs, Newest: o.NewestIDs})
	if err != nil {
		hint := ""
		if errors.Is(err, ids.ErrDamaged) { // events could be accepted twice
			hint = ": headgate data salvage goes on without what cannot be read"
		}
		return nil, fmt.Errorf("journal: identities: %w%s", err, hint)
	}
	l := &loading{j: j}
	if err := l.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %w", err), j.abandon())
	}
	st := j.Stats()
	j.log.Info().Int("events", st.Entries).Int64("bytes", st.Bytes).Int("segments", st.Disk.Segments).Int("ids", st.IDs).Bool("closed_cleanly", l.clean).
		Msg("journal opened")
	return j, nil
}

// abandon closes what was opened.
func (j *Journal) abandon() error {
	errs := []error{j.ids.Close()}
	for _, s := range j.segments {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
