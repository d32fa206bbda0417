package zmq

import "context"

// spread is a socket that hands each message to one of its peers, in turn.
type spread struct {
	*socket
	next  int      // the peer whose turn it is
	spare []Frames // taken back from lost connections, to go out first
	room  bell     // a peer has come or has got room, or the end
}

// Send queues frames for the next peer that has room. While none has, or none
// is connected, it waits until ctx ends. Nil means queued, not processed: see
// the package comment. After the end it returns ErrClosed.
func (s *spread) Send(ctx context.Context, frames Frames) error {
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
func (s *spread) place(frames Frames) bool {
	return s.replace() && s.offer(frames)
}

// replace gives what was taken back to other peers and reports whether nothing
// is left of it.
func (s *spread) replace() bool {
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

func (s *spread) offer(frames Frames) bool {
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

func (s *spread) joined(*Peer) {
	s.replace()
	s.room.ring()
}

func (s *spread) left(_ *Peer, back []Frames) {
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

func (s *spread) freed() {
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
