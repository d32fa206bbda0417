package journal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// loading makes a journal of what is on the disk.
type loading struct {
	j     *Journal
	look  bool       // only look: nothing on the disk changes
	all   bool       // every identity is wanted, covered or not
	clean bool       // the last segment ends the journal as it was closed
	added []identity // above what the identities' runs cover
}

type identity struct {
	id ids.Hash
	ids.Known
}

func (l *loading) load() error {
	j := l.j
	last, tail, err := l.segments()
	if err != nil {
		return err
	}
	l.clean = l.clean || last == nil
	j.seq = max(j.seq, j.ids.Covered()) // also where the last segments are lost: what is covered is not read again
	if err := l.begin(last, tail); err != nil {
		return err
	}
	l.count()
	j.newest = outbox.Position{Event: j.seq, State: j.ordinal}
	if j.o.Follow {
		j.recent = newRecent(j.newest)
	}
	for _, x := range l.sorted() {
		j.ids.Add(x.id, x.Known)
	}
	for _, c := range j.channels {
		c.lapse(j.seen.Load())
		if !l.clean {
			c.legs.Restarted(min(c.sent, j.seq)) // what comes from now on was not sent
		}
	}
	if l.clean {
		return nil
	}
	_, err = j.noteAttempts(func(c *channel, leg index.Leg) bool { return leg.Seq <= c.sent })
	return err
}

// lapse makes hand-overs whose lease has ended by now those that nobody speaks
// for: they may have been handed out again since.
func (c *channel) lapse(now int64) {
	var lapsed []index.Leg
	c.legs.Each(0, func(leg index.Leg) bool {
		if leg.Until != 0 && leg.Until <= now {
			lapsed = append(lapsed, leg)
		}
		return leg.Seq <= c.sent
	})
	for _, leg := range lapsed {
		leg.Past.Until = 0
		c.legs.Lease(leg.Seq, leg.Past)
	}
}

// sorted gives the identities by sequence: that of a copied event comes late.
func (l *loading) sorted() []identity {
	slices.SortStableFunc(l.added, func(a, b identity) int { return cmp.Compare(a.Seq, b.Seq) })
	return l.added
}

// segments reads all segments. It gives the last one, and its records that may
// not be on the disk.
func (l *loading) segments() (last *segment, tail []record, _ error) {
	numbers, err := l.numbers()
	if err != nil {
		return nil, nil, err
	}
	for i, n := range numbers {
		next := uint32(0)
		if i+1 < len(numbers) {
			next = numbers[i+1]
		}
		if last, tail, err = l.segment(n, next); err != nil {
			return nil, nil, err
		}
	}
	return last, tail, nil
}

// numbers gives the segments there are, and removes what is left over.
func (l *loading) numbers() ([]uint32, error) {
	names, err := l.j.fs.List()
	if err != nil {
		return nil, err
	}
	var numbers []uint32
	for _, name := range names {
		if n, ok := numberOf(name, ".seg"); ok {
			numbers = append(numbers, n)
		}
	}
	if !l.look && slices.Contains(names, spareName) {
		if l.j.spare, err = sizeOf(l.j.fs, spareName); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		n, isSummary := numberOf(name, ".idx")
		orphan := isSummary && !slices.Contains(numbers, n)
		if !l.look && (orphan || name == halfName || strings.HasSuffix(name, ".idx.tmp")) {
			if err := l.j.fs.Remove(name); err != nil {
				return nil, err
			}
		}
	}
	return numbers, nil
}

func sizeOf(fsys disk.FS, name string) (int64, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return 0, err
	}
	size, err := f.Size()
	return size, errors.Join(err, f.Close())
}

func numberOf(name, suffix string) (uint32, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	var n uint32
	if _, err := fmt.Sscanf(digits, "%d", &n); !ok || err != nil || name != fmt.Sprintf("%08d%s", n, suffix) {
		return 0, false
	}
	return n, true
}

// begin makes the segment that is written from now on. It begins with the
// tail of the last one, which is not known to be on the disk, and replaces it.
func (l *loading) begin(last *segment, tail []record) error {
	j := l.j
	j.pen.seg = last
	if last == nil || len(tail) == 0 {
		next, err := j.prepare(0)
		if err != nil {
			return err
		}
		if err := j.publish(next); err != nil {
			return errors.Join(err, next.file.Close())
		}
		j.begin(next)
	} else {
		next, moved, _, err := j.transplant(last, tail, last.end)
		if err != nil {
			return err
		}
		j.begin(next)
		if err := tellAll(next, moved, l.noted(next)); err != nil {
			return err
		}
		j.now(outbox.Instant(next.notes.newest))
	}
	if err := j.preamble(); err != nil {
		return err
	}
	return j.flush()
}
