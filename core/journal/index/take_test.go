package index

import "testing"

const many = 1_000_000

// fill adds legs 1 to n.
func fill(n int, lane func(i int) uint64) *Channel {
	c := New()
	for i := range n {
		c.Add(Leg{Seq: uint64(i + 1), Event: Place{1, uint32(i)}, Size: 1024, Lane: lane(i)})
	}
	return c
}

// takeAll hands out n legs.
func takeAll(c *Channel, n int) {
	for taken := 0; taken < n; {
		taken += len(c.Take(1, n-taken, 1<<62).Legs)
	}
}

func none(int) uint64    { return 0 }
func oneLane(int) uint64 { return 7 }

// A Take looks at no more than maxLooks, and nothing is looked at twice while
// it waits.
func TestTakeIsBounded(t *testing.T) {
	c := fill(many, oneLane)
	takes := 0
	for handed := 0; ; takes++ {
		before := max(c.next, 1)
		got := c.Take(1, 10, 1<<62)
		if handed += len(got.Legs); handed > 1 {
			t.Fatal("two of a lane are out")
		}
		if c.next > before+maxLooks {
			t.Fatalf("a Take looked at %d", c.next-before)
		}
		if !got.More {
			if !got.Dry {
				t.Fatalf("Take gave %+v", got)
			}
			break
		}
		if got.Dry || takes == 0 && len(got.Legs) != 1 {
			t.Fatalf("Take gave %+v", got)
		}
	}
	if most := many/maxLooks + 1; takes > most {
		t.Fatalf("there were %d Takes, want %d", takes, most)
	}
	for seq := range uint64(many - 1) {
		c.End(seq + 1)
		before := c.next
		got := c.Take(1, 10, 1<<62)
		if len(got.Legs) != 1 || got.Legs[0].Seq != seq+2 || got.More || c.next != before {
			t.Fatalf("after %d Take gave %+v", seq+1, got)
		}
	}
}

// What ended or was held among those that are queued or due is passed over a
// bounded number at a time, too.
func TestTakeIsBoundedAmongStaleOnes(t *testing.T) {
	const n = 10 * maxLooks
	for name, due := range map[string]int64{"queued": 0, "due": 5} {
		t.Run(name, func(t *testing.T) {
			c := fill(n+1, none)
			takeAll(c, n)
			for seq := range uint64(n) {
				c.Again(seq+1, Past{Attempt: 1, Due: due + int64(seq)*min(due, 1)}, 1)
			}
			for seq := range uint64(n - 1) {
				c.Hold(seq+1, Past{Attempt: 1, Due: due})
			}
			takes := 0
			for {
				before := c.again.len() + len(c.due)
				got := c.Take(1<<40, 1, 1<<62)
				if gone := before - c.again.len() - len(c.due); gone > maxLooks+1 {
					t.Fatalf("a Take met %d", gone)
				}
				takes++
				if len(got.Legs) == 1 && got.Legs[0].Seq == n {
					break
				}
				if !got.More || got.Dry || due == 0 && len(got.Legs) > 0 {
					t.Fatalf("Take gave %+v", got)
				}
			}
			if takes > n/maxLooks+1 {
				t.Fatalf("there were %d Takes", takes)
			}
		})
	}
}

// Places of legs that are held and released over and over do not pile up, and
// none is handed out twice for having had more of them.
func TestStalePlacesAreSweptOut(t *testing.T) {
	const n = 10
	for name, due := range map[string]int64{"queued": 0, "due": 100} {
		t.Run(name, func(t *testing.T) {
			c := fill(n, none)
			takeAll(c, n)
			for seq := range uint64(n) {
				c.Again(seq+1, Past{Attempt: 1, Due: due}, 1)
			}
			for range 10_000 {
				for seq := range uint64(n) {
					p := Past{Attempt: 1, Due: due}
					c.Hold(seq+1, p)
					c.Release(seq+1, p, 1)
				}
			}
			if got := cap(c.again.items) + cap(c.due); got > 4*fewHandles {
				t.Errorf("there is room for %d places", got)
			}
			got := c.Take(100, 2*n, 1<<62)
			if len(got.Legs) != n || got.More || got.Next != 0 {
				t.Fatalf("Take gave %+v", got)
			}
			if c.again.len()+len(c.due) != 0 {
				t.Errorf("%d places are left", c.again.len()+len(c.due))
			}
		})
	}
}

// The heap gives what is due first, after it was swept as well.
func TestDueInOrder(t *testing.T) {
	const n = 3 * fewHandles
	c := fill(n, none)
	takeAll(c, n)
	for seq := range uint64(n) {
		at := int64(10 + seq*7919%n)
		c.Again(seq+1, Past{Attempt: 1, Due: at}, 1)
		if seq%2 == 0 {
			c.Hold(seq+1, Past{Attempt: 1, Due: at})
		}
	}
	last := int64(0)
	for range n / 2 {
		next := c.Take(1, 1, 1<<62).Next
		got := c.Take(next, 1, 1<<62)
		if len(got.Legs) != 1 || next <= last || got.Legs[0].Seq%2 == 1 || next != int64(10+(got.Legs[0].Seq-1)*7919%n) {
			t.Fatalf("after %d, at %d Take gave %+v", last, next, got)
		}
		last = next
	}
	if got := c.Take(1<<40, 1, 1<<62); len(got.Legs) != 0 || got.Next != 0 || !got.Dry {
		t.Errorf("Take gave %+v", got)
	}
}

// What is due when it comes back goes at once, whatever the clock does then.
func TestDueAtOnce(t *testing.T) {
	c := fill(1, none)
	c.Take(5, 1, 1)
	c.Again(1, Past{Attempt: 1, Due: 5}, 5)
	if got := c.Take(4, 1, 1); len(got.Legs) != 1 {
		t.Errorf("Take gave %+v", got)
	}
}

// A time that a leg waited for before it died and came back is no time of it.
func TestDueOfBefore(t *testing.T) {
	c := fill(2, none)
	takeAll(c, 2)
	c.Again(1, Past{Attempt: 1, Due: 100}, 1)
	c.Again(2, Past{Attempt: 1, Due: 50}, 1)
	c.Die(1, Past{Attempt: 1})
	c.Redrive(1, Past{Attempt: 1})
	c.Take(1, 1, 2)
	c.Again(1, Past{Attempt: 2, Due: 500}, 1)
	if got := c.Take(100, 2, 2); len(got.Legs) != 1 || got.Legs[0].Seq != 2 || got.Next != 500 {
		t.Errorf("Take gave %+v", got)
	}
}

// What ended in the line of its lane is let go of when the line comes to it.
func TestEndedInLine(t *testing.T) {
	const n = 1000
	c := fill(n, oneLane)
	c.Take(1, 2, 1<<62)
	for seq := uint64(n); seq > 1; seq-- {
		c.End(seq)
		if _, ok := c.Find(seq); ok || c.Counts().Pending != int(seq-1) {
			t.Fatalf("%d is there, of %+v", seq, c.Counts())
		}
	}
	if c.End(1); c.table.count != 0 || len(c.lanes.entries) != 0 || len(c.past.entries) != 0 {
		t.Errorf("%d slots, %d lanes and %d pasts are left", c.table.count, len(c.lanes.entries), len(c.past.entries))
	}
}

// A hand-over that never left leaves nothing.
func TestUnsentIsFresh(t *testing.T) {
	c := fill(1, none)
	c.Take(1, 1, 1)
	if c.Unsent(1); len(c.past.entries) != 0 {
		t.Errorf("it has a past: %+v", c.past.entries)
	}
}

// Dead letters of before a restart do not close their lane for others, unless
// they park it; nor do they stand in its line.
func TestDeadBeforeTheyAreLookedAt(t *testing.T) {
	for name, park := range map[string]bool{"set aside": false, "parked": true} {
		t.Run(name, func(t *testing.T) {
			c := New()
			c.Add(Leg{Seq: 1, Lane: 7, Park: park, Dead: true})
			c.Add(Leg{Seq: 2, Lane: 7, Park: park})
			c.Add(Leg{Seq: 3, Lane: 7, Park: park, Dead: true})
			got := c.Take(1, 10, 1<<62)
			if park {
				if len(got.Legs) != 0 {
					t.Fatalf("Take gave %+v", got)
				}
				c.Redrive(1, Past{})
				if got := c.Take(1, 10, 1<<62); len(got.Legs) != 1 || got.Legs[0].Seq != 1 {
					t.Fatalf("once redriven Take gave %+v", got)
				}
				return
			}
			if len(got.Legs) != 1 || got.Legs[0].Seq != 2 {
				t.Fatalf("Take gave %+v", got)
			}
			c.Die(2, Past{Attempt: 1})
			c.Die(2, Past{Attempt: 9}) // is dead already
			if l, _ := c.Find(2); l.Attempt != 1 || len(c.lanes.entries) != 0 || c.Counts().Dead != 3 {
				t.Errorf("%+v, %d lanes, %+v", l, len(c.lanes.entries), c.Counts())
			}
		})
	}
}

// The queue and the heap give their memory back as they drain.
func TestQueuesShrink(t *testing.T) {
	const n = 64 * fewHandles
	for name, due := range map[string]int64{"queued": 0, "due": 100} {
		t.Run(name, func(t *testing.T) {
			c := fill(n, none)
			takeAll(c, n)
			for seq := range uint64(n) {
				c.Again(seq+1, Past{Attempt: 1, Due: due}, 1)
			}
			for left := n; left > 0; left -= fewHandles {
				if room := cap(c.again.items) + cap(c.due); room > 4*left+4*fewHandles {
					t.Fatalf("there is room for %d when %d are left", room, left)
				}
				if got := c.Take(100, fewHandles, 1<<62); len(got.Legs) != fewHandles {
					t.Fatalf("%d were handed out", len(got.Legs))
				}
			}
			if room := cap(c.again.items) + cap(c.due); room != 0 {
				t.Errorf("there is room for %d when none is left", room)
			}
		})
	}
}
