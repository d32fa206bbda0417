package zmq

import "encoding/binary"

// Flags of a ZMTP frame (RFC 23, "Framing"). The other bits are reserved and
// must be zero.
const (
	flagMore     = 0x01
	flagLong     = 0x02
	flagCommand  = 0x04
	flagReserved = 0xF8
)

const (
	shortHeader = 2
	longHeader  = 9
	maxShort    = 255
)

// frameSize is the length of a frame with a body of n bytes.
func frameSize(n int) int {
	if n > maxShort {
		return longHeader + n
	}
	return shortHeader + n
}

// messageSize is the length of a whole message on the wire.
func messageSize(frames Frames) int {
	if len(frames) == 0 {
		return shortHeader
	}
	size := 0
	for _, f := range frames {
		size += frameSize(len(f))
	}
	return size
}

// appendHeader appends the header of a frame with a body of n bytes.
func appendHeader(b []byte, flags byte, n int) []byte {
	if n > maxShort {
		return binary.BigEndian.AppendUint64(append(b, flags|flagLong), uint64(n))
	}
	return append(b, flags, byte(n))
}

// appendMessage appends a whole message.
func appendMessage(b []byte, frames Frames) []byte {
	if len(frames) == 0 {
		return appendHeader(b, 0, 0)
	}
	last := len(frames) - 1
	for _, f := range frames[:last] {
		b = append(appendHeader(b, flagMore, len(f)), f...)
	}
	return append(appendHeader(b, 0, len(frames[last])), frames[last]...)
}

// appendCommand appends a command of the given name (RFC 23, "Commands").
func appendCommand(b []byte, name string, data []byte) []byte {
	b = appendHeader(b, flagCommand, 1+len(name)+len(data))
	b = append(b, byte(len(name)))
	return append(append(b, name...), data...)
}
