package index

import (
	"fmt"
	"testing"
)

func BenchmarkAdd(b *testing.B) {
	c := New()
	seq := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		if seq++; seq%many == 0 {
			c = New()
		}
		c.Add(Leg{Seq: seq, Event: Place{1, 1}, Size: 1024})
	}
}

// Each time one is added, one is handed out and one ends, with so many pending.
func BenchmarkTakeEnd(b *testing.B) {
	for _, pending := range []int{1, 1_000, many} {
		for name, lane := range map[string]func(int) uint64{"free": none, "lanes": func(i int) uint64 { return uint64(i%100 + 1) }} {
			b.Run(fmt.Sprintf("%s/%d", name, pending), func(b *testing.B) {
				c := fill(pending, lane)
				seq := uint64(pending)
				b.ReportAllocs()
				for b.Loop() {
					seq++
					c.Add(Leg{Seq: seq, Event: Place{1, 1}, Size: 1024, Lane: lane(int(seq))})
					for _, l := range c.Take(1, 1, 1<<62).Legs {
						c.End(l.Seq)
					}
				}
			})
		}
	}
}

func BenchmarkRetry(b *testing.B) {
	for _, pending := range []int{1_000, many} {
		b.Run(fmt.Sprint(pending), func(b *testing.B) {
			c := fill(pending, none)
			for at := int64(0); b.Loop(); at++ {
				for _, l := range c.Take(at, 1, 1<<62).Legs {
					c.Again(l.Seq, Past{Attempt: l.Attempt, Due: at + 1000}, at)
				}
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	for _, pending := range []int{1_000, many} {
		b.Run(fmt.Sprint(pending), func(b *testing.B) {
			c := fill(pending, none)
			for i := uint64(0); b.Loop(); i++ {
				if _, ok := c.Find(i*7919%uint64(pending) + 1); !ok {
					b.Fatal("it is not there")
				}
			}
		})
	}
}

// Each time one is taken and put on a shelf, with so many there.
func BenchmarkShelve(b *testing.B) {
	for _, lying := range []int{1, 1_000, many} {
		b.Run(fmt.Sprint(lying), func(b *testing.B) {
			c := fill(lying, none)
			shelveAll(b, c, lying, "p")
			seq := uint64(lying)
			b.ReportAllocs()
			for b.Loop() {
				seq++
				c.Add(Leg{Seq: seq, Event: Place{1, 1}, Size: 1024})
				for _, l := range c.Take(1, 1, 1<<62).Legs {
					c.Shelve(l.Seq, l.Attempt, "p")
				}
			}
		})
	}
}

func BenchmarkUnshelve(b *testing.B) {
	for _, lying := range []int{1_000, many} {
		b.Run(fmt.Sprint(lying), func(b *testing.B) {
			c := fill(lying, none)
			shelveAll(b, c, lying, "p")
			b.ReportAllocs()
			for b.Loop() {
				c.Unshelve("p")
				for _, l := range c.Take(1, 1, 1<<62).Legs {
					c.Shelve(l.Seq, l.Attempt, "p")
				}
			}
		})
	}
}
