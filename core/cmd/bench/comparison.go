package main

import "fmt"

// comparison is samples of a router's door beside those of another.
type comparison struct{ rate, done, p50, p99, cpu *row }

func newComparison(what, against string) *comparison {
	return &comparison{
		rate: &row{What: what, Unit: "events/s", Against: against},
		done: &row{What: what + ", until the last is delivered", Unit: "events/s", Against: against},
		p50:  &row{What: what + ", p50", Unit: "ms", Against: against},
		p99:  &row{What: what + ", p99", Unit: "ms", Against: against},
		cpu:  &row{What: what + ", processor time per event", Unit: "us", Against: against, Missing: withoutProc()},
	}
}

func (c *comparison) rows() []*row { return []*row{c.rate, c.done, c.p50, c.p99, c.cpu} }

// add takes one round.
func (c *comparison) add(base, got sample) {
	c.rate.add(base.rate, got.rate)
	c.done.add(base.done, got.done)
	c.p50.add(base.p50, got.p50)
	c.p99.add(base.p99, got.p99)
	if c.cpu.Missing == "" {
		c.cpu.add(base.cpu, got.cpu)
	}
}

// atConnections ends what a row measures.
func atConnections(what string, n int) string { return fmt.Sprintf("%s, %d connections", what, n) }

// What doors are held against.
const (
	theFloor = "net/http + HMAC"
	inMemory = "memory outbox"
	thePlain = "plain write + fdatasync"
)
