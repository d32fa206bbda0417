package zmq

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// steady is a connection whose writes end: one goes on for as long as the peer
// takes some of it within each timeout, so large ones may take their time, and
// after a failure none is of use. It is what the layers above write to.
type steady struct {
	net.Conn
	timeout time.Duration // 0 while a deadline stands for all of the handshake
}

// Write writes all of p, or fails for good.
func (s *steady) Write(p []byte) (int, error) {
	for total := 0; ; {
		if err := s.patience(); err != nil {
			return total, err
		}
		n, err := s.Conn.Write(p[total:])
		total += n
		if err = s.final(n > 0, err); err != errAgain {
			return total, err
		}
	}
}

// writeAll writes all buffers in one system call where it can.
func (s *steady) writeAll(all net.Buffers) (int64, error) {
	for total := int64(0); ; {
		if err := s.patience(); err != nil {
			return total, err
		}
		n, err := all.WriteTo(s.Conn)
		total += n
		if err = s.final(n > 0, err); err != errAgain {
			return total, err
		}
	}
}

// errAgain says that a write goes on.
var errAgain = errors.New("zmq: some of it was taken")

// patience starts the time in which the peer has to take something.
func (s *steady) patience() error {
	if s.timeout == 0 {
		return nil
	}
	if err := s.Conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return reasoned(err)
	}
	return nil
}

// final is what a write has come to.
func (s *steady) final(taken bool, err error) error {
	switch {
	case err == nil:
		return nil
	case s.timeout == 0 || !errors.Is(err, os.ErrDeadlineExceeded):
		return reasoned(err)
	case taken:
		return errAgain
	}
	return fmt.Errorf("%w: nothing taken for %s", ReasonWrite, s.timeout)
}

// CloseWrite ends what this side sends; on failure the reader sees the end, too.
func (s *steady) CloseWrite() error { return closeWrite(s.Conn) }
