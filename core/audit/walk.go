package audit

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// place is where a record stands.
type place struct {
	index int64
	file  string
	line  int
}

// run goes through all lines in order.
func (c *check) run() (err error) {
	c.in = &lines{dir: c.dir, files: c.files}
	defer func() {
		if cerr := c.in.close(); err == nil {
			err = cerr
		}
	}()
	c.e = c.files[0].index
	c.gap(c.e)
	for n := 0; ; n++ {
		if n%1024 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		it, err := c.in.next()
		if err != nil {
			return err
		}
		if it == nil {
			break
		}
		next, err := c.in.peek(0)
		if err != nil {
			return err
		}
		if err := c.step(it, next); err != nil {
			return err
		}
	}
	c.tell(c.trees.likely(), "")
	c.end()
	c.finish()
	return nil
}

// step finds out which record a line is, and what that says.
func (c *check) step(it, next *item) error {
	before := func(n int64) bool { return next != nil && next.ok && next.n == n }
	after, err := c.in.peek(1)
	if err != nil {
		return err
	}
	follows := it.ok && c.follows(it)
	switch {
	case it.ok && it.n == c.e:
		c.take(it, next)
	case !it.ok && !it.whole && next == nil: // a router writes it, or the power went
		c.torn = it
	case !it.ok && before(c.e):
		c.bad(Inserted, c.e, it, "a line that is none stands before it")
	case !it.ok && !it.whole:
		c.takeAltered(it, next, Altered, "it is cut short")
	case !it.ok:
		c.takeAltered(it, next, Altered, "it is not a line of the log any more")
	case !follows && (before(c.e+1) || next == nil && it.n < c.e && c.covered()):
		c.takeAltered(it, next, Swapped, fmt.Sprintf("record %d stands in its place", it.n))
	case before(c.e + 1), next == nil && follows:
		c.takeAltered(it, next, Altered, fmt.Sprintf("it says that it is record %d", it.n))
	case it.n == c.e+1 && before(c.e) && (after == nil || after.n != c.e+1):
		return c.takeSwapped(it)
	case before(c.e), it.n < c.e:
		c.bad(Inserted, c.e, it, fmt.Sprintf("a copy of record %d stands before it", it.n))
	default:
		c.bad(Missing, c.e, it, span(c.e, it.n)+" gone")
		c.gap(it.n)
		c.take(it, next)
	}
	return nil
}

// follows reports whether a line says that it was written behind the last one.
func (c *check) follows(it *item) bool {
	if c.last != nil {
		return it.prev == c.last.hash
	}
	l, err := ParseLine(it.text)
	if !it.first || err != nil || l.opening == nil {
		return false
	}
	_, err = l.opening.edge(c.e)
	return err == nil
}

// covered reports whether a checkpoint covers the record that comes next.
func (c *check) covered() bool {
	return len(c.anchors) > 0 && c.anchors[len(c.anchors)-1].Size > c.e
}

// span names the records from one up to another.
func span(from, to int64) string {
	if to == from+1 {
		return fmt.Sprintf("record %d is", from)
	}
	return fmt.Sprintf("records %d to %d are", from, to-1)
}

// gap goes on at record n, and knows nothing of what was before.
func (c *check) gap(n int64) {
	if len(c.trees) > 0 {
		c.tell(c.trees.likely(), "")
	}
	c.e, c.last, c.known = n, nil, false
	c.trees = suspects{{tree: edge{size: n}}}
	for c.next < len(c.anchors) && c.anchors[c.next].Size < n {
		c.next++ // of what is not here
	}
}

// bad takes note of a record that is not what it was.
func (c *check) bad(kind string, index int64, at *item, text string) {
	c.find(Finding{Kind: kind, Index: index, File: at.file.name, Line: at.line, Text: text})
}

// claim is the hash that record n had when it was written, as far as the next
// line, or the local checkpoint behind it, tells.
func (c *check) claim(n int64, next *item) *tlog.Hash {
	if next != nil && next.ok && next.n == n+1 {
		return &next.prev
	}
	for _, a := range c.anchors[c.next:] {
		if a.Size > n+1 {
			break
		}
		if a.Size == n+1 && a.Last != (tlog.Hash{}) {
			return &a.Last
		}
	}
	return nil
}

// take is for the line of the record that comes next.
func (c *check) take(it, next *item) {
	if it.first {
		c.begin(it)
	}
	if bytes.Contains(it.text, []byte(`"action":"`+ActionExpired+`"`)) {
		c.readExpired(it)
	}
	claim := c.claim(it.n, next)
	if claim != nil && *claim != tlog.Hash(it.hash) {
		c.places = append(c.places, place{it.n, it.file.name, it.line})
		if next != nil {
			c.places = append(c.places, place{it.n + 1, next.file.name, next.line})
		}
	}
	c.trees = c.trees.add(it.n, it.hash, claim)
	c.went(it)
}

// takeAltered is for the line that stands where the next record should.
func (c *check) takeAltered(it, next *item, kind, text string) {
	c.bad(kind, c.e, it, text)
	if claim := c.claim(c.e, next); claim != nil {
		c.trees.replace(*claim)
		it.hash = *claim // as the next one says it
	} else {
		c.trees.replace(it.hash)
		c.known = false
	}
	c.went(it)
}

// takeSwapped is for the second of two neighbours where the first should be.
func (c *check) takeSwapped(second *item) error {
	first, err := c.in.next()
	if err != nil {
		return err
	}
	next, err := c.in.peek(0)
	if err != nil {
		return err
	}
	c.bad(Swapped, c.e, second, fmt.Sprintf("records %d and %d stand in each other's place", c.e, c.e+1))
	c.trees = c.trees.add(first.n, first.hash, &second.prev)
	c.went(first)
	c.trees = c.trees.add(second.n, second.hash, c.claim(second.n, next))
	c.went(second)
	return nil
}

// went goes on behind a record, to the checkpoints that end with it.
func (c *check) went(it *item) {
	c.e, c.last = c.e+1, it
	for c.next < len(c.anchors) && c.anchors[c.next].Size <= c.e {
		a := &c.anchors[c.next]
		c.next++
		if a.Size == c.e {
			c.hold(a)
		}
	}
}

// begin reads the first line of a file, from which the tree can go on.
func (c *check) begin(it *item) {
	l, tree, err := parseOpening(it.text)
	switch {
	case err != nil:
		c.bad(Altered, it.n, it, fmt.Sprintf("%s cannot go on from it: %v", it.file.name, err))
		return
	case it.n != it.file.index:
		c.bad(Altered, it.n, it, fmt.Sprintf("%s begins with it", it.file.name))
		return
	case !c.known:
		c.trees, c.known = suspects{{tree: *tree}}, true
	default:
		fits := false
		for i := range c.trees {
			fits = fits || c.trees[i].tree.equal(tree)
		}
		if !fits && len(c.r.Findings) == 0 {
			c.bad(Altered, it.n, it, "its edge is not that of the records before")
		}
	}
	carried, err := ParseCheckpoint([]byte(l.opening.Checkpoint))
	if err == nil && carried.Size == it.n && c.proven < it.n && carried.Verify(c.keys...) == nil {
		c.hold(&anchor{Checkpoint: carried, from: fmt.Sprintf("%s:%d", it.file.name, it.line)})
	}
	for c.next < len(c.anchors) && c.anchors[c.next].Size <= c.e { // they end where what is kept begins
		a := &c.anchors[c.next]
		c.next++
		if a.Size == c.e {
			c.hold(a)
		}
	}
	if c.r.Key == "" {
		if v, err := note.NewVerifier(l.opening.Key); err == nil {
			c.r.Origin, c.r.Key = v.Name(), l.opening.Key
		}
	}
}

// hold holds the trees against a checkpoint of their size.
func (c *check) hold(a *anchor) {
	if !c.known {
		return
	}
	if kept := c.trees.holding(a.Root); len(kept) > 0 {
		right := kept.likely()
		c.tell(right, fmt.Sprintf("; every other record from %d to %d is as %s has it", c.proven, a.Size-1, a.from))
		c.trees = suspects{*right}
		c.proven = a.Size
		if a.exported {
			c.provenOut = a.Size
			c.r.Exported = &Anchor{From: a.from, Size: a.Size, Time: c.last.time()}
		} else {
			c.r.Local++
		}
		return
	}
	if c.proven == a.Size {
		c.r.Faults = append(c.r.Faults, fmt.Sprintf("%s: it is signed, and another checkpoint of %d records is signed, too: the log went two ways", a.from, a.Size))
		return
	}
	if likely := c.trees.likely(); len(likely.bad) > 0 && likely.bad[0] < a.Size {
		c.tell(likely, fmt.Sprintf("; %s has other records before %d, too", a.from, a.Size))
		c.known = false
		return
	}
	if c.rewritten {
		return
	}
	from := c.proven
	if a.exported {
		from = c.provenOut
	}
	for _, f := range c.r.Findings {
		if f.Index >= from && f.Index < a.Size {
			return
		}
	}
	c.rewritten = true
	c.find(Finding{Kind: Rewritten, Index: max(from, c.files[0].index), Text: fmt.Sprintf("it, or one of those up to record %d, is not what %s covers; what comes after was made to fit", a.Size-1, a.from)})
}

// tell says which records are altered by one explanation, up to where it is
// known.
func (c *check) tell(s *suspect, besides string) {
	rest := s.bad[:0:0]
	for _, n := range s.bad {
		if n >= c.e {
			rest = append(rest, n)
			continue
		}
		f := Finding{Kind: Altered, Index: n, Text: "the next record has another hash of it" + besides}
		for _, p := range c.places {
			if p.index == n {
				f.File, f.Line = p.file, p.line
			}
		}
		if besides == "" && len(c.trees) > 1 {
			f.Text += "; no checkpoint tells whether it is this one or its neighbour"
		}
		c.find(f)
	}
	s.bad = rest
	c.places = slices.DeleteFunc(c.places, func(p place) bool { return p.index < c.e })
}

// end looks for what should have come.
func (c *check) end() {
	f := Finding{Index: c.e, File: c.files[len(c.files)-1].name, Line: 1}
	if c.last != nil && c.last.file.name == f.File {
		f.Line = c.last.line + 1
	}
	var most *anchor
	for i := range c.anchors[c.next:] {
		a := &c.anchors[c.next+i]
		if a.Size > c.e && (most == nil || !a.exported) {
			most = a
		}
	}
	switch {
	case c.e == c.files[0].index:
		f.Kind, f.Text = Truncated, "nothing of the log can be read"
		c.find(f)
	case most == nil && c.torn != nil:
		c.r.Notes = append(c.r.Notes, fmt.Sprintf("%s:%d is not whole: a router writes it, or died while it did; no checkpoint covers it", c.torn.file.name, c.torn.line))
	case most == nil:
	case most.exported:
		f.Kind, f.Text = RolledBack, fmt.Sprintf("it and all up to record %d, which %s covers, are gone, and the local checkpoints with them", most.Size-1, most.from)
		c.find(f)
	default:
		f.Kind, f.Text = Truncated, fmt.Sprintf("it and all up to record %d, which %s covers, are gone", most.Size-1, most.from)
		c.find(f)
	}
}

// readExpired reads what a record says of files that were removed.
func (c *check) readExpired(it *item) {
	l, err := ParseLine(it.text)
	if err != nil || l.Action != ActionExpired {
		return
	}
	if kept, err := strconv.ParseInt(l.Detail["kept"], 10, 64); err == nil && kept > c.kept {
		c.kept, c.keptBy = kept, it.n
	}
}

// time is when a record was made; zero when its line does not say.
func (it *item) time() time.Time {
	if it == nil {
		return time.Time{}
	}
	l, err := ParseLine(it.text)
	if err != nil {
		return time.Time{}
	}
	return l.Time
}
