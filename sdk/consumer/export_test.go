package consumer

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// MaxRepliers and MaxResults are bounds that tests go beyond.
const (
	FrameBytes  = frameBytes
	MaxHeld     = maxHeld
	MaxParked   = maxParked
	MaxQueued   = maxQueued
	MaxRepliers = maxRepliers
	MaxResults  = maxResults
)

// SetClock replaces the clock that expiry is held against.
func (c *Consumer) SetClock(now func() time.Time) { c.gate.now = now }

// SetLookPause replaces the time between two looks at files of keys.
func (c *Consumer) SetLookPause(d time.Duration) { c.gate.glance = d }

// SetLookPause replaces the time between two looks at files of keys.
func (s *Subscriber) SetLookPause(d time.Duration) { s.gate.glance = d }

// SetKeyPause replaces the least time between two readings of the keys.
func (c *Consumer) SetKeyPause(d time.Duration) { c.gate.pause = d }

// Memory is memory.
type Memory struct{ m *memory }

// NewMemory makes one for size events.
func NewMemory(size int) Memory { return Memory{newMemory(size)} }

// Remember notes an event by its id.
func (m Memory) Remember(id string, result json.RawMessage) { m.m.remember(event{"/s", id}, result) }

// Recall tells whether an event was done, and with what result.
func (m Memory) Recall(id string) (json.RawMessage, bool) { return m.m.recall(event{"/s", id}) }

// Size is the number of events and the bytes of results that are kept.
func (m Memory) Size() (events, bytes int) {
	for _, r := range m.m.results {
		bytes += len(r)
	}
	return len(m.m.results), bytes
}

// SendReplies puts replies to one address while nothing is sent, then sends
// them, and returns how many were given up.
func SendReplies(address string, replies []delivery.Reply) (unsent uint64, err error) {
	t := newTally()
	r, err := newReplier(address, zmq.Options{}, t)
	if err != nil {
		return 0, err
	}
	for _, reply := range replies {
		r.put(reply)
	}
	r.handOver()
	r.close()
	r.run()
	return t.counts().Unsent, nil
}

// Open opens a delivery as a consumer with these options does.
func Open(o Options, frames [][]byte) (*delivery.Delivery, error) {
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	if err := c.gate.begin(context.Background()); err != nil {
		return nil, err
	}
	return c.gate.open(frames)
}

// Take makes a function that has a subscriber read its keys and take one delivery.
func Take(s *Subscriber, each func(*delivery.Delivery)) func(frames [][]byte) error {
	return func(frames [][]byte) error {
		if err := s.gate.begin(context.Background()); err != nil {
			return err
		}
		s.take(zmq.Received{Frames: frames}, each)
		return nil
	}
}
