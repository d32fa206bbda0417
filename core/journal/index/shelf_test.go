package index

import (
	"fmt"
	"runtime"
	"testing"
)

// shelveAll hands n legs out, and puts all of them on a shelf.
func shelveAll(t testing.TB, c *Channel, n int, name string) {
	t.Helper()
	for n > 0 {
		got := c.Take(1, min(n, 256), 1<<62)
		if len(got.Legs) == 0 && !got.More {
			t.Fatalf("%d are left, and Take gave %+v", n, got)
		}
		for _, l := range got.Legs {
			c.Shelve(l.Seq, l.Attempt, name)
		}
		n -= len(got.Legs)
	}
}

// looksOf gives how many legs and stale places the next hand-over looks at.
func looksOf(c *Channel) int {
	t := taking{now: 1, upTo: 1 << 62, looks: maxLooks}
	if r := c.pick(&t); r != 0 {
		c.send(r)
	}
	return maxLooks - t.looks
}

// What lies on a shelf takes what it took before it was handed out, and costs
// no Take anything: neither while it lies there nor when it is opened.
func TestMemoryOfShelved(t *testing.T) {
	before := heap()
	c := fill(many, none)
	shelveAll(t, c, many, "p")
	bytesEach(t, "shelved", before, many, 32)
	if got := c.Counts(); got.Shelved != many || got.Pending != many || got.Out != 0 {
		t.Errorf("counts are %+v", got)
	}
	for range 100 {
		if n := looksOf(c); n != 0 {
			t.Fatalf("a Take looked at %d", n)
		}
	}
	c.Add(Leg{Seq: many + 1})
	if n := looksOf(c); n != 1 {
		t.Errorf("a Take of the only one that goes looked at %d", n)
	}
	c.End(many + 1)
	if !c.Unshelve("p") || c.Unshelve("p") || c.Counts().Shelved != many-maxUncounted {
		t.Errorf("unshelved, there are %+v", c.Counts())
	}
	if n := looksOf(c); n != 1 {
		t.Errorf("the first Take of an open shelf looked at %d", n)
	}
	bytesEach(t, "unshelved", before, many, 32)
	shelveAll(t, c, many-1, "p")
	bytesEach(t, "shelved again", before, many, 32)
	for seq := range uint64(many) {
		c.End(seq + 1)
	}
	if c.Unshelve("p"); c.Counts() != (Counts{}) || c.opened.first == 0 {
		t.Errorf("counts are %+v", c.Counts())
	}
	for c.Take(1, 1, 1<<62).More {
	}
	bytesEach(t, "ended on the shelf, and met", before, many, 0.1)
	runtime.KeepAlive(c)
}

// Shelves may be many and small: each takes about as much as four legs.
func TestMemoryOfShelves(t *testing.T) {
	const each = 32
	before := heap()
	c := fill(many, none)
	for n := range many / each {
		shelveAll(t, c, each, fmt.Sprint("chain#", n))
	}
	bytesEach(t, "on small shelves", before, many, 32+112./each)
	for n := range many / each {
		c.Unshelve(fmt.Sprint("chain#", n))
	}
	bytesEach(t, "unshelved", before, many, 32)
	runtime.KeepAlive(c)
}

// Those that may have been handed out before a restart are not remembered one
// by one for having been shelved.
func TestShelvedOfBefore(t *testing.T) {
	const n = 100
	c := fill(n, none)
	c.Restarted(n / 2)
	shelveAll(t, c, n, "p")
	if len(c.past.entries) != 0 {
		t.Errorf("%d have a past", len(c.past.entries))
	}
	c.Unshelve("p")
	for i, l := range c.Take(1, n, 1<<62).Legs {
		if want := 2 - i/(n/2); l.Attempt != want {
			t.Fatalf("%d is attempt %d, want %d", l.Seq, l.Attempt, want)
		}
	}
}

// Of a leg that ended on a shelf nothing is left once it was met.
func TestEndedOnShelf(t *testing.T) {
	const n = 1000
	c := fill(n+1, none)
	shelveAll(t, c, n+1, "p")
	for seq := uint64(n); seq > 0; seq-- {
		c.End(seq)
		if _, ok := c.Find(seq); ok || c.Counts().Shelved != int(seq) || c.Counts().Pending != int(seq) {
			t.Fatalf("%d is there, of %+v", seq, c.Counts())
		}
	}
	c.Unshelve("p")
	if got := c.Take(1, 10, 1<<62); len(got.Legs) != 1 || got.Legs[0].Seq != n+1 || got.More {
		t.Fatalf("Take gave %+v", got)
	}
	if c.table.count != 1 || c.opened != (line{}) || c.shelves != nil {
		t.Errorf("%d slots and the lines %v, %v are left", c.table.count, c.opened, c.shelves)
	}
}

// The next of a lane goes as soon as the one on the shelf has ended.
func TestEndedOnShelfOpensItsLane(t *testing.T) {
	for name, end := range map[string]func(c *Channel){
		"ended": func(c *Channel) { c.End(1) },
		"dead":  func(c *Channel) { c.Die(1, Past{Attempt: 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := fill(2, oneLane)
			shelveAll(t, c, 1, "p")
			if got := c.Take(1, 10, 1<<62); len(got.Legs) != 0 || !got.Dry {
				t.Fatalf("with a shelved head Take gave %+v", got)
			}
			end(c)
			if got := c.Take(1, 10, 1<<62); len(got.Legs) != 1 || got.Legs[0].Seq != 2 {
				t.Fatalf("Take gave %+v", got)
			}
		})
	}
}

// What lay on a shelf and does not go when it is met is passed over a bounded number
// at a time.
func TestTakeIsBoundedOnShelves(t *testing.T) {
	const n = 10 * maxLooks
	c := fill(n, none)
	shelveAll(t, c, n, "p")
	for seq := uint64(n - 1); seq > 0; seq-- {
		if seq%2 == 0 {
			c.End(seq)
		} else {
			c.Hold(seq, Past{})
		}
	}
	c.Unshelve("p")
	for takes := 1; ; takes++ {
		before := c.table.count
		got := c.Take(1, 1, 1<<62)
		if before-c.table.count > maxLooks {
			t.Fatalf("a Take met %d", before-c.table.count)
		}
		if len(got.Legs) == 1 && got.Legs[0].Seq == n {
			if takes < n/maxLooks || takes > n/maxLooks+1 {
				t.Errorf("there were %d Takes", takes)
			}
			break
		}
		if !got.More || got.Dry || len(got.Legs) > 0 {
			t.Fatalf("Take %d gave %+v", takes, got)
		}
	}
}
