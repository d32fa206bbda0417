package index

import (
	"runtime"
	"testing"
)

// heap gives the bytes that are in use after what is garbage was collected.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// bytesEach fails the test when n legs take more than so many bytes each.
func bytesEach(t *testing.T, what string, before int64, n int, most float64) {
	t.Helper()
	each := float64(heap()-before) / float64(n)
	t.Logf("%s: %.2f bytes each", what, each)
	if each > most {
		t.Errorf("%s: %.2f bytes each, more than %.2f", what, each, most)
	}
}

// The rule of the memory tests: what the heap has grown by after a collection,
// by leg, is no more than was promised. No margin is needed: 10^6 legs are far
// more than what the test itself allocates.
func TestMemory(t *testing.T) {
	before := heap()
	c := fill(many, func(i int) uint64 { return uint64(i%2) * uint64(i) })
	bytesEach(t, "fresh", before, many, 32)

	taken := 0
	for taken < many {
		taken += len(c.Take(1, 256, 1<<62).Legs)
	}
	bytesEach(t, "out, half of them in lanes", before, many, 32+220)

	for seq := range uint64(many) {
		c.Again(seq+1, Past{Attempt: 1, Due: int64(many - seq)}, 0)
	}
	bytesEach(t, "due", before, many, 32+220+56)
	for back := 0; back < many; {
		back += len(c.Take(many, 256, 1<<62).Legs)
	}
	if c.due != nil {
		t.Error("the heap was not given back")
	}
	for seq := range uint64(many - 1) {
		c.End(seq + 1)
	}
	if l, ok := c.Find(many); !ok || l.Attempt != 2 || !l.Out {
		t.Fatalf("the last one is %+v", l)
	}
	bytesEach(t, "when one is left", before, many, 1.5) // what chunks there were
	c.End(many)
	bytesEach(t, "when none is left", before, many, 0.1)
	runtime.KeepAlive(c)
}

// Ones that end without having been handed out give their memory back, and so
// do their places in the queue and among the due.
func TestMemoryOfUntouched(t *testing.T) {
	before := heap()
	c := fill(many, none)
	for i := range uint64(many) {
		c.End((i*7919)%many + 1)
	}
	bytesEach(t, "ended in no order", before, many, 0.1)
	c = fill(many, none)
	for range many {
		c.Take(1, 1, 1<<62)
	}
	for seq := range uint64(many) {
		c.Again(seq+1, Past{Attempt: 1, Due: int64(seq % 2 * 100)}, 1)
	}
	for seq := range uint64(many) {
		c.End(seq + 1)
	}
	bytesEach(t, "ended while queued or due", before, many, 0.1)
	runtime.KeepAlive(c)
}

// A leg that outlives its neighbours does not keep their memory, whether they
// ended soon or late.
func TestMemoryOfSurvivors(t *testing.T) {
	const left = many / chunkSize
	late := func() *Channel {
		c := fill(many, none)
		for seq := range uint64(many) {
			if seq%chunkSize != 5 {
				c.End(seq + 1)
			}
		}
		return c
	}
	soon := func() *Channel {
		c := New()
		for seq := range uint64(many) {
			c.Add(Leg{Seq: seq + 1, Size: 100})
			if seq%chunkSize != 5 {
				c.End(seq + 1)
			}
		}
		return c
	}
	for name, survivors := range map[string]func() *Channel{"late": late, "soon": soon} {
		before := heap()
		c := survivors()
		if got := c.Counts().Pending; got != left {
			t.Fatalf("%d are left", got)
		}
		bytesEach(t, name, before, left, 128)
		runtime.KeepAlive(c)
	}
}
