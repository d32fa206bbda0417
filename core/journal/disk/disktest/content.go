package disktest

import (
	"io"
	"slices"
)

// content is the bytes of a file: data, and zeros from there to size.
type content struct {
	data []byte
	size int64
}

func (c *content) clone() content {
	return content{data: slices.Clone(c.data), size: c.size}
}

func (c *content) readAt(p []byte, off int64) (int, error) {
	n := int(max(0, min(int64(len(p)), c.size-off)))
	clear(p[:n])
	if off < int64(len(c.data)) {
		copy(p[:n], c.data[off:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (c *content) writeAt(p []byte, off int64) {
	end := off + int64(len(p))
	if more := end - int64(len(c.data)); more > 0 {
		c.data = append(c.data, make([]byte, more)...)
	}
	copy(c.data[off:], p)
	c.size = max(c.size, end)
}

func (c *content) resize(size int64) {
	c.size = size
	c.data = c.data[:min(int64(len(c.data)), size)]
}

func (c *content) flip(offset int64, mask byte) {
	if offset < c.size {
		b := []byte{0}
		_, _ = c.readAt(b, offset) // within the size
		c.writeAt([]byte{b[0] ^ mask}, offset)
	}
}
