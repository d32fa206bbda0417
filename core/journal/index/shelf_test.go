package index

import (
	"fmt"
	"math/rand/v2"
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
	if !c.Unshelve("p") || c.Counts().Shelved != 0 {
		t.Errorf("unshelved, there are %+v", c.Counts())
	}
	if n := looksOf(c); n != 1 {
		t.Errorf("the first Take of an open shelf looked at %d", n)
	}
	bytesEach(t, "unshelved", before, many, 32)
	shelveAll(t, c, many-1, "q")
	bytesEach(t, "on another shelf", before, many, 32)
	for seq := range uint64(many) {
		c.End(seq + 1)
	}
	bytesEach(t, "ended on the shelf", before, many, 0.1)
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

// A leg that ended on a shelf keeps its slot no longer than those before it,
// and it does not outlive the shelf's line.
func TestEndedOnShelf(t *testing.T) {
	const n = 1000
	for name, order := range map[string]func(i int) uint64{
		"up":   func(i int) uint64 { return uint64(i + 1) },
		"down": func(i int) uint64 { return uint64(n - i) },
		"shuffled": func() func(int) uint64 {
			p := rand.New(rand.NewPCG(1, 2)).Perm(n)
			return func(i int) uint64 { return uint64(p[i] + 1) }
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			c := fill(n+1, none)
			shelveAll(t, c, n+1, "p")
			for i := range n {
				c.End(order(i))
				if _, ok := c.Find(order(i)); ok || c.Counts().Shelved != n-i || c.Counts().Pending != n-i {
					t.Fatalf("%d is there, of %+v", order(i), c.Counts())
				}
				if name == "up" && c.table.count != n-i {
					t.Fatalf("%d slots are left of %d legs", c.table.count, n-i)
				}
			}
			c.Unshelve("p")
			if got := c.Take(1, 10, 1<<62); len(got.Legs) != 1 || got.Legs[0].Seq != n+1 || got.More {
				t.Fatalf("Take gave %+v", got)
			}
			if c.table.count != 1 || len(c.opened) != 0 {
				t.Errorf("%d slots and %d open shelves are left", c.table.count, len(c.opened))
			}
		})
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

// What is met on an open shelf and does not go is passed over a bounded number
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

// What is put on an open shelf closes it: nothing is handed out only to come
// back.
func TestShelvedAgain(t *testing.T) {
	c := fill(10, none)
	shelveAll(t, c, 10, "p")
	c.Unshelve("p")
	for _, l := range c.Take(1, 3, 1<<62).Legs {
		c.Shelve(l.Seq, l.Attempt, "p")
	}
	if got := c.Take(1, 10, 1<<62); len(got.Legs) != 0 || !got.Dry || c.Counts().Shelved != 10 {
		t.Fatalf("Take gave %+v of %+v", got, c.Counts())
	}
	if !c.Unshelve("p") || c.Unshelve("p") {
		t.Error("it is not opened once")
	}
	for i, l := range c.Take(1, 10, 1<<62).Legs {
		if want := uint64(3+i)%10 + 1; l.Seq != want || l.Attempt != 1 {
			t.Errorf("%d. is %+v, want %d", i, l, want)
		}
	}
}

// More shelves than are told apart lose nothing: what lies on those beyond goes
// too early at worst.
func TestManyShelves(t *testing.T) {
	const n = maxShelves + 50
	c := fill(n, none)
	for _, l := range c.Take(1, n, 1<<62).Legs {
		c.Shelve(l.Seq, l.Attempt, fmt.Sprint(l.Seq))
	}
	if len(c.shelves) != maxShelves || c.Counts().Shelved != n {
		t.Fatalf("%d shelves, %+v", len(c.shelves), c.Counts())
	}
	for seq := uint64(n); int(seq) > maxShelves; seq-- { // the first one that is named opens all of these
		c.Unshelve(fmt.Sprint(seq))
	}
	if got := c.Take(1, n, 1<<62).Legs; len(got) != n-maxShelves+1 || got[0].Seq != uint64(maxShelves) {
		t.Fatalf("%d of the shared shelf were handed out", len(got))
	}
	for seq := uint64(maxShelves - 1); seq > 0; seq-- {
		if !c.Unshelve(fmt.Sprint(seq)) {
			t.Fatalf("nothing is on shelf %d", seq)
		}
		if got := c.Take(1, n, 1<<62).Legs; len(got) != 1 || got[0].Seq != seq {
			t.Fatalf("shelf %d had %+v", seq, got)
		}
	}
	for seq := range uint64(n) { // those that are empty are used again
		c.Shelve(seq+1, 1, fmt.Sprint("again", seq%3))
	}
	for i := range 3 {
		c.Unshelve(fmt.Sprint("again", i))
		if got := c.Take(1, n, 1<<62).Legs; len(got) != n/3 {
			t.Errorf("%d of %d were handed out", len(got), n/3)
		}
	}
	if len(c.shelves) != maxShelves || c.Counts().Shelved != 0 {
		t.Errorf("there are %d shelves and %+v", len(c.shelves), c.Counts())
	}
}
