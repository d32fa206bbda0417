package curve

import (
	"bufio"
	"io"
)

// Redirect makes s write to w.
func Redirect(s *Session, w io.Writer) { s.wire.Out = w }

// Feed makes s read from r.
func Feed(s *Session, r io.Reader) { s.wire.In = bufio.NewReaderSize(r, 32<<10) }
