package curve

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/nacl/box"
)

// A MESSAGE on the wire (RFC 26): name, short nonce, box of flags and body.
const (
	messageName  = "\x07MESSAGE"
	messageHead  = len(messageName) + shortSize
	messageExtra = messageHead + overhead + 1
)

const (
	// writeSize is how much is sealed before it is written: enough to make the
	// system call cheap against the sealing.
	writeSize = 64 << 10
	// keepFrame is the largest room for a frame that a session keeps, keepEnds
	// for how many frames.
	keepFrame = 2 << 10
	keepEnds  = 32
)

// shortAt is where the count stands in a nonce.
const shortAt = nonceSize - shortSize

// Session is an established connection. One goroutine may read while another
// writes.
type Session struct {
	Peer     Public // the key that the other side has proven
	Metadata []byte // what it said of itself

	wire Wire
	key  *key

	reads [nonceSize]byte // the nonce that was read last, with its prefix
	plain []byte          // opened and not yet read

	sends [nonceSize]byte // the nonce that was sent last
	head  []byte          // of the frame that is being gathered
	want  int             // bytes of its body that are missing; -1 before the header is whole
	frame []byte          // flags and body
	ends  []end           // of frames that are sealed and not written
}

// Read gives the bytes of frames in the clear. Frames that have come whole are
// opened together, straight into p.
func (s *Session) Read(p []byte) (int, error) {
	n := copy(p, s.plain)
	s.plain = s.plain[n:]
	for n == 0 || n < len(p) && s.whole() {
		got, err := s.next(p[n:])
		if err != nil {
			return n, err
		}
		if n += got; len(s.plain) > 0 {
			break
		}
	}
	return n, nil
}

// whole reports whether the next frame can be read without waiting.
func (s *Session) whole() bool {
	in := s.wire.In
	b, _ := in.Peek(min(in.Buffered(), longHeader))
	switch {
	case len(b) < shortHeader:
		return false
	case b[0]&frameLong == 0:
		return in.Buffered() >= shortHeader+int(b[1])
	case len(b) < longHeader:
		return false
	}
	return binary.BigEndian.Uint64(b[1:]) <= uint64(in.Buffered()-longHeader)
}

// next opens one frame, into p where it fits and else into plain.
func (s *Session) next(p []byte) (int, error) {
	flags, size, header, err := peekHeader(s.wire.In)
	if err != nil {
		return 0, err
	}
	// libzmq sends MESSAGE without the flag of a command, RFC 26 calls it one.
	if flags&^(frameLong|frameCommand) != 0 || size < uint64(messageExtra) {
		return 0, fmt.Errorf("%w: flags %#02x, %d bytes", ErrMalformed, flags, size)
	}
	if size > uint64(s.wire.Limit+messageExtra) {
		return 0, fmt.Errorf("%w: %d bytes, limit %d", ErrSize, size-uint64(messageExtra), s.wire.Limit)
	}
	body, unread, err := s.take(header, int(size))
	if err != nil {
		return 0, err
	}
	if string(body[:len(messageName)]) != messageName {
		return 0, fmt.Errorf("%w: MESSAGE expected", ErrMalformed)
	}
	count := body[len(messageName):messageHead]
	if bytes.Compare(count, s.reads[shortAt:]) <= 0 {
		return 0, ErrNonce
	}
	copy(s.reads[shortAt:], count)
	// Flags and body are opened to where they end up, one byte being
	// overwritten by the end of the header.
	length := int(size) - messageExtra
	head := shortHeader
	if length > maxShort {
		head = longHeader
	}
	into := p
	if len(p) < head+length {
		into = make([]byte, head+length)
	}
	opened, ok := box.OpenAfterPrecomputation(into[head-1:head-1], body[messageHead:], &s.reads, s.key)
	if !ok {
		return 0, ErrForged
	}
	_, _ = s.wire.In.Discard(unread) // it is there
	inner := opened[0]
	if inner&^(payloadMore|payloadCommand) != 0 {
		return 0, fmt.Errorf("%w: payload flags %#02x", ErrMalformed, inner)
	}
	appendFrame(into[:0], inner&payloadMore|inner&payloadCommand<<1, length)
	if len(p) >= head+length {
		return head + length, nil
	}
	copied := copy(p, into)
	s.plain = into[copied:]
	return copied, nil
}

// take gives the body of a frame, and how many buffered bytes hold it. What
// does not fit the buffer grows as it comes, so that a header alone makes it
// allocate nothing.
func (s *Session) take(header, size int) (body []byte, unread int, err error) {
	in := s.wire.In
	if header+size <= in.Size() {
		b, err := in.Peek(header + size)
		if err != nil {
			return nil, 0, err
		}
		return b[header:], header + size, nil
	}
	if _, err := in.Discard(header); err != nil {
		return nil, 0, err
	}
	var whole bytes.Buffer
	if _, err := io.CopyN(&whole, in, int64(size)); err != nil {
		return nil, 0, err
	}
	return whole.Bytes(), 0, nil
}

// Write seals frames and writes them. A frame may come in several parts, which
// are kept until it is whole. After an error the count is of the bytes of p up
// to the last frame that was written whole.
func (s *Session) Write(p []byte) (int, error) {
	out, give := s.room()
	defer give()
	defer s.forget()
	done := 0
	for at := 0; at < len(p); {
		n, whole, err := s.gather(p[at:])
		if err != nil {
			return done, err
		}
		at += n
		if !whole {
			continue
		}
		if len(out) > 0 && len(out)+longHeader+messageExtra+len(s.frame) > writeSize {
			if done, err = s.flush(out, done); err != nil {
				return done, err
			}
			out = out[:0]
		}
		out = s.seal(out)
		s.ends = append(s.ends, end{len(out), at})
	}
	if len(out) > 0 {
		if done, err := s.flush(out, done); err != nil {
			return done, err
		}
	}
	return len(p), nil
}

// flush writes what is sealed. done is how much of the clear text is written
// whole, before and after.
func (s *Session) flush(out []byte, done int) (int, error) {
	written, err := s.wire.Out.Write(out)
	for _, e := range s.ends {
		if e.sealed <= written {
			done = e.plain
		}
	}
	s.ends = s.ends[:0]
	return done, err
}

// end is where a frame ends, in what is written and in what was given.
type end struct{ sealed, plain int }

// room is a buffer, and how to give it back.
func (s *Session) room() ([]byte, func()) {
	if s.wire.Buffers == nil {
		return nil, func() {}
	}
	kept := s.wire.Buffers.Get().(*[]byte)
	return (*kept)[:0], func() { s.wire.Buffers.Put(kept) }
}

// forget gives up room for a frame that is too large to be kept.
func (s *Session) forget() {
	if len(s.head) == 0 && cap(s.frame) > keepFrame {
		s.frame = nil
	}
	if cap(s.ends) > keepEnds {
		s.ends = nil
	}
}

// gather takes in one frame as far as p has it, and reports whether it is whole.
func (s *Session) gather(p []byte) (n int, whole bool, err error) {
	if len(s.head) == 0 {
		s.want = -1
	}
	for s.want < 0 && n < len(p) {
		s.head = append(s.head, p[n])
		n++
		switch {
		case len(s.head) == shortHeader && s.head[0]&frameLong == 0:
			s.want = int(s.head[1])
		case len(s.head) == longHeader:
			size := binary.BigEndian.Uint64(s.head[1:])
			if size > 1<<62 {
				return n, false, fmt.Errorf("%w: a frame of %d bytes is written", ErrMalformed, size)
			}
			s.want = int(size)
		}
		if s.want >= 0 {
			s.frame = append(s.frame[:0], s.head[0]&frameMore|s.head[0]&frameCommand>>1)
		}
	}
	if s.want < 0 {
		return n, false, nil
	}
	part := min(s.want, len(p)-n)
	s.frame = append(s.frame, p[n:n+part]...)
	s.want -= part
	return n + part, s.want == 0, nil
}

// seal appends the MESSAGE of the gathered frame.
func (s *Session) seal(out []byte) []byte {
	s.head = s.head[:0]
	count := s.sends[shortAt:]
	binary.BigEndian.PutUint64(count, binary.BigEndian.Uint64(count)+1)
	out = appendFrame(out, 0, messageHead+overhead+len(s.frame))
	out = append(append(out, messageName...), count...)
	return box.SealAfterPrecomputation(out, s.frame, &s.sends, s.key)
}
