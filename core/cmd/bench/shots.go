package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/sdk/webhook"
)

// shots are HTTP requests with a proof of their sender, ready to be written.
type shots struct {
	slab []byte
	ends []int
}

// headBytes are as many as a request takes before its body, or more.
const headBytes = 800

// order says what shots are to be made.
type order struct {
	requests int
	batch    int    // events per request; 1 for single events
	size     int    // of an event in bytes; 0 for eventBytes
	kind     string // type of the events
	keyID    string
	signer   *webhook.Signer
	tokens   []string // of senders that have no key: each request carries the next
}

// newShots makes requests of events with ids that nobody has used.
func newShots(o order) *shots {
	if o.size == 0 {
		o.size = eventBytes
	}
	var run [6]byte
	_, _ = rand.Read(run[:]) // never fails (crypto/rand, Go 1.24)
	prefix := hex.EncodeToString(run[:])
	s := &shots{slab: make([]byte, 0, o.requests*(o.batch*(o.size+1)+headBytes)), ends: make([]int, o.requests)}
	now, n := time.Now(), 0
	contentType := "application/cloudevents+json"
	if o.batch > 1 {
		contentType = "application/cloudevents-batch+json"
	}
	for i := range s.ends {
		id := fmt.Sprintf("%s-%d", prefix, n)
		var events [][]byte
		for range o.batch {
			events = append(events, newSizedEvent(fmt.Sprintf("%s-%d", prefix, n), o.kind, o.size))
			n++
		}
		body := bytes.Join(events, []byte(","))
		if o.batch > 1 {
			body = append(append([]byte("["), body...), ']')
		}
		s.slab = fmt.Appendf(s.slab, "POST /v1/events HTTP/1.1\r\nHost: bench\r\nContent-Type: %s\r\nContent-Length: %d\r\n", contentType, len(body))
		if len(o.tokens) > 0 {
			s.slab = fmt.Appendf(s.slab, "Authorization: Bearer %s\r\n\r\n", o.tokens[i%len(o.tokens)])
		} else {
			s.slab = fmt.Appendf(s.slab, "%s: %s\r\n%s: %s\r\n%s: %s\r\n%s: %s\r\n\r\n", webhook.HeaderKeyID, o.keyID, webhook.HeaderID, id,
				webhook.HeaderTimestamp, webhook.Timestamp(now), webhook.HeaderSignature, o.signer.Sign(id, now, body))
		}
		s.slab = append(s.slab, body...)
		s.ends[i] = len(s.slab)
	}
	return s
}

func (s *shots) len() int { return len(s.ends) }

func (s *shots) at(i int) []byte {
	from := 0
	if i > 0 {
		from = s.ends[i-1]
	}
	return s.slab[from:s.ends[i]]
}
