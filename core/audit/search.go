package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Query selects records. Empty fields select all.
type Query struct {
	ID        string // of an event; what became of it is selected with it
	Source    string // of an event; what became of it is selected with it
	Principal string // as its String, or its subject
	Action    string // or what it begins with, before a dot: "event", "auth"
	Reason    string
	Request   string
	Since     time.Time
	Until     time.Time // before it
	Limit     int       // 0 for all; the oldest ones
}

// Search tells the records that a query selects, oldest first, until tell errs. It
// checks nothing; lines that are none are left out and counted.
func Search(ctx context.Context, dir fs.FS, q Query, tell func(*Line) error) (unread int, err error) {
	names, err := fs.Glob(dir, "audit-*")
	if err != nil {
		return 0, err
	}
	files := filesOf(names)
	if len(files) == 0 {
		return 0, fmt.Errorf("there is no audit log: %w", fs.ErrNotExist)
	}
	in := &lines{dir: dir, files: files}
	defer func() { _ = in.close() }()
	s := newSelector(q)
	for n, found := 0, 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return unread, ctx.Err()
		}
		it, err := in.next()
		if err != nil || it == nil {
			return unread, err
		}
		if !it.ok {
			if it.whole {
				unread++
			}
			continue
		}
		if !s.may(it.text) {
			continue
		}
		l, err := ParseLine(it.text)
		if err != nil {
			unread++
			continue
		}
		if !s.selects(l) {
			continue
		}
		if err := tell(l); err != nil {
			return unread, err
		}
		if found++; found == q.Limit {
			return unread, nil
		}
	}
}

// selector is a query at work.
type selector struct {
	Query
	needles [][]byte        // a line that is selected has all of them
	seqs    map[uint64]bool // of selected events: their outcomes are selected, too
}

func newSelector(q Query) *selector {
	s := &selector{Query: q}
	if q.ID != "" || q.Source != "" {
		s.seqs = make(map[uint64]bool)
	}
	for _, text := range []*string{&s.ID, &s.Source, &s.Reason, &s.Request} {
		if *text == "" {
			continue
		}
		written := appendText(nil, *text, maxText) // as a line has it
		var read string
		if err := json.Unmarshal(written, &read); err == nil {
			*text = read
		}
		if text == &s.Reason || text == &s.Request {
			s.needles = append(s.needles, written)
		}
	}
	return s
}

// may reports whether a line is worth reading.
func (s *selector) may(text []byte) bool {
	for _, n := range s.needles {
		if !bytes.Contains(text, n) {
			return false
		}
	}
	return true
}

func (s *selector) selects(l *Line) bool {
	ours := (s.ID == "" || l.Event.ID == s.ID || l.Unproven.Event.ID == s.ID) &&
		(s.Source == "" || l.Event.Source == s.Source || l.Unproven.Event.Source == s.Source)
	if s.seqs != nil && l.Seq != 0 {
		if ours {
			s.seqs[l.Seq] = true // an acceptance comes before what becomes of it
		} else {
			ours = s.seqs[l.Seq]
		}
	}
	return ours &&
		(s.Principal == "" || isPrincipal(l.Told, s.Principal) || isPrincipal(l.Unproven, s.Principal)) &&
		(s.Action == "" || l.Action == s.Action || strings.HasPrefix(l.Action, s.Action+".")) &&
		(s.Reason == "" || l.Reason == s.Reason) &&
		(s.Request == "" || l.Request == s.Request) &&
		(s.Since.IsZero() || !l.Time.Before(s.Since)) &&
		(s.Until.IsZero() || l.Time.Before(s.Until))
}

func isPrincipal(t Told, name string) bool {
	return t.Principal.String() == name || t.Principal.Subject == name
}
