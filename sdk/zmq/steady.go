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
	n, err := s.writeAll(net.Buffers{p})
	return int(n), err
}

// writeAll writes all buffers in one system call where it can.
func (s *steady) writeAll(all net.Buffers) (int64, error) {
	var total int64
	for {
		if s.timeout > 0 {
			if err := s.Conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
				return total, reasoned(err)
			}
		}
		n, err := all.WriteTo(s.Conn)
		total += n
		switch {
		case err == nil:
			return total, nil
		case s.timeout == 0 || !errors.Is(err, os.ErrDeadlineExceeded):
			return total, reasoned(err)
		case n == 0:
			return total, fmt.Errorf("%w: nothing taken for %s", ReasonWrite, s.timeout)
		}
	}
}

// CloseWrite ends what this side sends; on failure the reader sees the end, too.
func (s *steady) CloseWrite() error { return closeWrite(s.Conn) }
