package index_test

import (
	"slices"
	"testing"

	"github.com/headgate-io/headgate/core/journal/index"
)

// A hold says how a leg stood when it was asked for. When the leg was handed
// out before the hold was written, its attempt is the newer one: else what comes
// back would be taken for an older one's word.
func TestHeldAfterItWent(t *testing.T) {
	c := index.New()
	c.Add(index.Leg{Seq: 1, Event: index.Place{Segment: 1, Offset: 8}})
	asked, _ := c.Find(1)
	c.Take(1, 1, 1)
	asked.Past.State = index.Place{Segment: 1, Offset: 16}
	c.Hold(1, asked.Past)
	l, _ := c.Find(1)
	if l.Attempt != 1 || !l.Held || !l.Out || l.State != asked.Past.State {
		t.Errorf("it is %+v", l)
	}
}

// A lease is what a leg waits for after a restart, resumed or not.
func TestLeased(t *testing.T) {
	leased := index.Past{State: index.Place{Segment: 1, Offset: 9}, Attempt: 3, Until: 100}
	begin := func() *index.Channel {
		c := index.New()
		c.Add(index.Leg{Seq: 1, Lane: 5, Past: leased})
		c.Add(index.Leg{Seq: 2, Lane: 5})
		c.Restarted(1)
		return c
	}
	t.Run("not resumed", func(t *testing.T) {
		c := begin()
		if got := c.Take(50, 10, 10); len(got.Legs) != 0 || got.Next != 100 || !got.Dry {
			t.Fatalf("Take gave %+v", got)
		}
		if got := c.Take(100, 10, 10); len(got.Legs) != 1 || got.Legs[0].Seq != 1 || got.Legs[0].Attempt != 4 {
			t.Fatalf("Take gave %+v", got)
		}
	})
	t.Run("resumed late", func(t *testing.T) {
		c := begin()
		c.Take(50, 10, 10)
		if got := c.Resume(50); len(got) != 1 || got[0].Attempt != 3 || got[0].Until != 100 || !got[0].Out {
			t.Fatalf("Resume gave %+v", got)
		}
		if got := c.Take(100, 10, 10); len(got.Legs) != 0 || got.Next != 0 {
			t.Fatalf("Take gave %+v", got)
		}
	})
	t.Run("not the first of its lane", func(t *testing.T) {
		c := index.New()
		c.Add(index.Leg{Seq: 1, Lane: 5})
		c.Add(index.Leg{Seq: 2, Lane: 5, Past: leased})
		c.Take(50, 10, 10)
		if got := c.Resume(50); len(got) != 0 {
			t.Fatalf("Resume gave %+v", got)
		}
	})
	t.Run("two of a lane", func(t *testing.T) {
		c := index.New()
		c.Add(index.Leg{Seq: 1, Lane: 5, Past: leased})
		c.Add(index.Leg{Seq: 2, Lane: 5, Past: leased})
		if got := c.Resume(50); len(got) != 1 || got[0].Seq != 1 {
			t.Fatalf("Resume gave %+v", got)
		}
		c.End(1)
		c.Take(50, 10, 10)
		if got := c.Resume(50); len(got) != 1 || got[0].Seq != 2 {
			t.Fatalf("Resume gave %+v", got)
		}
	})
	t.Run("dead, held or ended", func(t *testing.T) {
		c := index.New()
		c.Add(index.Leg{Seq: 1, Dead: true, Past: leased})
		c.Add(index.Leg{Seq: 2, Held: true, Past: leased})
		c.Add(index.Leg{Seq: 3, Past: leased})
		c.End(3)
		if got := c.Resume(50); len(got) != 0 {
			t.Fatalf("Resume gave %+v", got)
		}
	})
	t.Run("over", func(t *testing.T) {
		if got := begin().Resume(100); len(got) != 0 {
			t.Fatalf("Resume gave %+v", got)
		}
	})
	t.Run("taken back", func(t *testing.T) {
		c := begin()
		c.Resume(50)
		c.Unsent(1)
		if got := c.Take(50, 10, 10); len(got.Legs) != 1 || got.Legs[0].Attempt != 3 || got.Legs[0].Until != 0 {
			t.Fatalf("Take gave %+v", got)
		}
	})
}

// What may have been sent before a restart counts as sent once, unless it is
// known to have been still.
func TestRestarted(t *testing.T) {
	at := index.Place{Segment: 1, Offset: 9}
	c := index.New()
	for _, l := range []index.Leg{
		{Seq: 1},
		{Seq: 2, Past: index.Past{State: at, Attempt: 2, Failures: 1}},
		{Seq: 3, Dead: true, Past: index.Past{State: at, Attempt: 2}},
		{Seq: 4, Held: true, Past: index.Past{State: at, Attempt: 2}},
		{Seq: 5, Past: index.Past{State: at, Attempt: 2, Until: 7}},
		{Seq: 6},
		{Seq: 7, Past: index.Past{State: at, Attempt: 2}},
	} {
		c.Add(l)
	}
	c.Restarted(5)
	var got []int
	c.Each(0, func(l index.Leg) bool { got = append(got, l.Attempt); return true })
	if want := []int{1, 3, 2, 2, 2, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("attempts are %v, want %v", got, want)
	}
}

func TestRemap(t *testing.T) {
	c := index.New()
	old := index.Place{Segment: 3, Offset: 10}
	c.Add(index.Leg{Seq: 1, Event: old})
	c.Add(index.Leg{Seq: 2, Event: index.Place{Segment: 2, Offset: 10}, Past: index.Past{State: old, Attempt: 1}})
	c.Add(index.Leg{Seq: 3, Event: old, Past: index.Past{Attempt: 1}})
	c.Remap(func(p index.Place) index.Place {
		if p == (index.Place{}) {
			t.Error("no record is asked for")
		}
		if p.Segment == 3 {
			return index.Place{Segment: 4, Offset: p.Offset + 1}
		}
		return p
	})
	moved := index.Place{Segment: 4, Offset: 11}
	var got []index.Leg
	c.Each(0, func(l index.Leg) bool { got = append(got, l); return true })
	if got[0].Event != moved || got[1].Event.Segment != 2 || got[1].State != moved || got[2].Event != moved || got[2].State != (index.Place{}) {
		t.Errorf("legs are %+v", got)
	}
}

func TestSizes(t *testing.T) {
	c := index.New()
	for seq, size := range []int64{0, 1, 64, 65, index.MaxSize, index.MaxSize + 1} {
		c.Add(index.Leg{Seq: uint64(seq + 1), Size: size})
	}
	var got []int64
	c.Each(0, func(l index.Leg) bool { got = append(got, l.Size); return true })
	if want := []int64{0, 64, 64, 128, index.MaxSize, index.MaxSize}; !slices.Equal(got, want) {
		t.Errorf("sizes are %v, want %v", got, want)
	}
	if n := c.Counts().Bytes; n != 256+2*index.MaxSize {
		t.Errorf("they are %d bytes", n)
	}
}
