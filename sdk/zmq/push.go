package zmq

import "context"

// Push hands each message to one of its peers, PULL sockets, in turn (RFC 30).
type Push struct {
	*socket
	next  int      // the peer whose turn it is
	spare []Frames // taken back from lost connections, to go out first
	room  bell     // a peer has come or has got room, or the end
}

// NewPush makes a Push. It does nothing before Run.
func NewPush(o Options) *Push {
	s := &Push{}
	s.socket = newSocket("PUSH", o, hooks{mute: true, joined: s.joined, left: s.left, freed: s.freed, closed: s.freed})
	return s
}

// Send queues frames for the next peer that has room. While none has, or none
// is connected, it waits until ctx ends. Nil means queued, not processed: see
// the package comment. After the end it returns ErrClosed.
func (s *Push) Send(ctx context.Context, frames Frames) error {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return ErrClosed
		}
		if s.place(frames) {
			s.mu.Unlock()
			return nil
		}
		room := s.room.wait()
		s.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// place offers what was taken back, then frames. The caller holds mu.
func (s *Push) place(frames Frames) bool {
	return s.replace() && s.offer(frames)
}

// replace gives what was taken back to other peers and reports whether nothing
// is left of it.
func (s *Push) replace() bool {
	for len(s.spare) > 0 {
		if !s.offer(s.spare[0]) {
			return false
		}
		s.spare[0] = nil
		s.spare = s.spare[1:]
		s.past.Matched--
		s.past.Queued--
	}
	return true
}

func (s *Push) offer(frames Frames) bool {
	for range s.peers {
		if s.next >= len(s.peers) {
			s.next = 0
		}
		p := s.peers[s.next]
		s.next++
		if p.offer(frames) {
			return true
		}
	}
	return false
}

func (s *Push) joined(*Peer) {
	s.replace()
	s.room.ring()
}

func (s *Push) left(back []Frames) {
	n := uint64(len(back))
	s.past.Matched += n
	if s.closed {
		s.past.Dropped += n
		return
	}
	s.past.Queued += n
	s.spare = append(s.spare, back...)
	s.replace()
}

func (s *Push) freed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		n := uint64(len(s.spare))
		s.past.Queued -= n
		s.past.Dropped += n
		s.spare = nil
	} else {
		s.replace()
	}
	s.room.ring()
}
