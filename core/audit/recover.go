package audit

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// recovery finds the last good line of the newest file.
type recovery struct {
	index int64
	known []told // by size

	mark        // after the last good line
	begun  bool // its first line is there
	opened time.Time
	rest   int64  // bytes behind the last good line
	digest string // of those, SHA-256 in hex
}

// read goes through the file. A line is good when it has its index and the hash
// of the one before, and when the next one, if there is one, has its hash.
func (r *recovery) read(f disk.File) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 1<<20)
	var before mark // the last line
	room := []byte{0}
	for {
		room, err = readLine(in, room[:1])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLine) {
			return err
		}
		line := room[1:]
		if err != nil || len(line) == 0 {
			break
		}
		line = line[:len(line)-1]
		if !r.begun {
			if err := r.first(line); err != nil {
				if r.hasLine(in) {
					return fmt.Errorf("%w: its first line: %w: %s", ErrContradiction, err, moveAside)
				}
				return nil
			}
			if err := r.check(); err != nil {
				return err
			}
		} else {
			h, err := parseHead(line)
			if err != nil || h.n != r.tree.size {
				break
			}
			if h.prev != r.last {
				r.mark = before // the one before may be the bad one
				break
			}
			l, err := ParseLine(line)
			if err != nil {
				break
			}
			before = r.mark
			if l.Pos != [2]uint64{} {
				r.pos = Position{l.Pos[0], l.Pos[1]}
			}
		}
		r.last = leafOf(room[:len(room)-1])
		r.tree.add(r.last)
		r.off += int64(len(room) - 1)
		if err := r.check(); err != nil {
			return err
		}
	}
	r.rest = size - r.off
	digest := sha256.New()
	_, err = io.Copy(digest, io.NewSectionReader(f, r.off, r.rest))
	r.digest = hex.EncodeToString(digest.Sum(nil))
	return err
}

// first reads the line that the tree goes on from.
func (r *recovery) first(line []byte) error {
	l, e, err := parseOpening(line)
	if err != nil {
		return err
	}
	h, err := parseHead(line)
	if err != nil || h.n != r.index {
		return errLine
	}
	r.begun, r.opened = true, l.Time
	r.tree, r.last, r.pos = *e, h.prev, Position{l.Pos[0], l.Pos[1]}
	return nil
}

// check holds the tree against the checkpoints of its size.
func (r *recovery) check() error {
	for _, c := range r.known {
		if c.Size == r.tree.size && c.Root != r.tree.root() {
			return fmt.Errorf("%w: its first %d records are not those that %s covers: %s", ErrContradiction, c.Size, c.from, moveAside)
		}
	}
	return nil
}

// hasLine reports whether a good line follows.
func (r *recovery) hasLine(in *bufio.Reader) bool {
	var room []byte
	for {
		var err error
		if room, err = readLine(in, room[:0]); err != nil && !errors.Is(err, errLine) {
			return false
		}
		if err == nil {
			if _, err := parseHead(room[:len(room)-1]); err == nil {
				return true
			}
		}
	}
}

// readLine appends the next line, with its newline, to b. The error is io.EOF
// when it is not whole, and errLine when it is longer than any line is.
func readLine(in *bufio.Reader, b []byte) ([]byte, error) {
	long := false
	for {
		part, err := in.ReadSlice('\n')
		if len(b)+len(part) > MaxLine {
			long = true
		} else {
			b = append(b, part...)
		}
		switch {
		case err == nil && long:
			return b, errLine
		case err == nil || !errors.Is(err, bufio.ErrBufferFull):
			return b, err
		}
	}
}
