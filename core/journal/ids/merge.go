package ids

import "errors"

// merge goes through the entries of several runs in order. Of an identity that
// more than one of them has, the last one's counts.
type merge struct {
	cursors []*cursor // those that stand on an entry, older runs first
	err     error
}

func newMerge(runs []*run) *merge {
	m := &merge{}
	for _, r := range runs {
		m.cursors = append(m.cursors, newCursor(r))
	}
	for i := len(m.cursors) - 1; i >= 0; i-- {
		m.advance(i)
	}
	return m
}

func (m *merge) next() (entry, bool, error) {
	if m.err != nil || len(m.cursors) == 0 {
		return entry{}, false, m.err
	}
	least := 0
	for i := 1; i < len(m.cursors); i++ {
		if compare(m.cursors[i].entry.hash, m.cursors[least].entry.hash) <= 0 {
			least = i
		}
	}
	e := m.cursors[least].entry
	for i := least; i >= 0; i-- {
		if m.cursors[i].entry.hash == e.hash {
			m.advance(i)
		}
	}
	return e, true, nil
}

// advance moves a cursor on, and takes it out at its end.
func (m *merge) advance(i int) {
	c := m.cursors[i]
	if c.next() {
		return
	}
	if c.err != nil {
		c.run.bad = true
		m.err = errors.Join(m.err, c.err)
	}
	m.cursors = append(m.cursors[:i], m.cursors[i+1:]...)
}
