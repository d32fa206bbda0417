package sdktest

import (
	"bytes"
	"sync"
)

// captureMost is how much of one stream is kept: more than any rule looks at,
// and little enough to be nothing when a plugin floods.
const captureMost = 2 << 20

// capture is what a process wrote to one stream. It never blocks the writer.
type capture struct {
	mu      sync.Mutex
	kept    []byte
	total   int64
	changed chan struct{} // closed at the next Write
}

func newCapture() *capture { return &capture{changed: make(chan struct{})} }

func (c *capture) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// What is beyond the bound is counted and forgotten.
	c.kept = append(c.kept, b[:min(len(b), captureMost-len(c.kept))]...)
	c.total += int64(len(b))
	close(c.changed)
	c.changed = make(chan struct{})
	return len(b), nil
}

// line is the first line, if it is whole, and else a channel that is closed at
// the next change.
func (c *capture) line() (string, bool, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, _, whole := bytes.Cut(c.kept, []byte("\n"))
	return string(before), whole, c.changed
}

// text is what was kept, and how much was written.
func (c *capture) text() (string, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.kept), c.total
}
