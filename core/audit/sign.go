package audit

import "fmt"

// checkpoint puts on disk what is written, signs it, and hands it to the exports.
func (l *Log) checkpoint() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if err := l.flush(); err != nil {
		return err
	}
	return l.sign()
}

// sign signs what is on disk, if no checkpoint covers it. Callers hold turn.
func (l *Log) sign() error {
	l.mu.Lock()
	m, idle := l.synced, l.closed || l.cause != nil
	l.mu.Unlock()
	if idle {
		return nil
	}
	c, err := l.signMark(&m)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && l.signing == nil {
		l.o.Log.Error().Err(err).Msg("a checkpoint of the audit log cannot be kept: nothing is accepted until it can")
	}
	l.signed, l.signing = c, err
	l.tell()
	return err
}

// signMark signs what is on disk up to m, and gives the newest checkpoint. Callers
// hold turn.
func (l *Log) signMark(m *mark) (Checkpoint, error) {
	newest := l.ledger.newest()
	if m.tree.size == 0 || m.tree.size == newest.Size {
		return newest, nil
	}
	c, err := l.signer.checkpoint(&m.tree)
	if err != nil {
		return newest, fmt.Errorf("checkpoint: %w", err)
	}
	c.Time, c.Last = l.o.Now().UTC(), m.last
	if err := l.ledger.add(c, l.files); err != nil {
		return newest, fmt.Errorf("checkpoint: %w", err)
	}
	for _, e := range l.exports {
		e.offer(c)
	}
	return c, nil
}
