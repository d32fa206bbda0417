package curve

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Flags of a ZMTP frame and of the payload in a MESSAGE (RFC 23, RFC 26; the
// bit for commands in a payload is libzmq's).
const (
	frameMore    = 0x01
	frameLong    = 0x02
	frameCommand = 0x04

	payloadMore    = 0x01
	payloadCommand = 0x02
)

const (
	shortHeader = 2
	longHeader  = 9
	maxShort    = 255
)

// appendFrame appends the header of a frame with a body of n bytes.
func appendFrame(b []byte, flags byte, n int) []byte {
	if n > maxShort {
		return binary.BigEndian.AppendUint64(append(b, flags|frameLong), uint64(n))
	}
	return append(b, flags, byte(n))
}

// writeCommand writes one command of the handshake.
func writeCommand(w io.Writer, name string, parts ...[]byte) error {
	body := append([]byte{byte(len(name))}, name...)
	for _, part := range parts {
		body = append(body, part...)
	}
	_, err := w.Write(append(appendFrame(nil, frameCommand, len(body)), body...))
	return err
}

// readCommand reads one command of the handshake, whose body has least to most
// bytes after its name, and returns them. A server's ERROR is an error.
func readCommand(in *bufio.Reader, name string, least, most int) ([]byte, error) {
	flags, size, header, err := peekHeader(in)
	if err != nil {
		return nil, err
	}
	if flags&^frameLong != frameCommand || size < 2 || size > uint64(1+len(name)+max(most, maxError)) {
		return nil, fmt.Errorf("%w: %s expected, flags %#02x, %d bytes", ErrMalformed, name, flags, size)
	}
	frame := make([]byte, header+int(size))
	if _, err := io.ReadFull(in, frame); err != nil {
		return nil, err
	}
	body := frame[header:]
	end := 1 + int(body[0])
	if end > len(body) {
		return nil, fmt.Errorf("%w: %s expected", ErrMalformed, name)
	}
	switch got := string(body[1:end]); {
	case got == "ERROR" && end < len(body) && int(body[end]) <= len(body)-end-1:
		return nil, rejected(string(body[end+1 : end+1+int(body[end])]))
	case got != name:
		return nil, fmt.Errorf("%w: %s expected, not %.16q", ErrMalformed, name, got)
	}
	body = body[end:]
	if len(body) < least || len(body) > most {
		return nil, fmt.Errorf("%w: %s with %d bytes", ErrMalformed, name, len(body))
	}
	return body, nil
}

// denied is what a server says to a client whose key it does not admit (the
// status code of ZAP, RFC 27).
const denied = "400"

func rejected(text string) error {
	if text == denied {
		return fmt.Errorf("%w: %s: it does not admit this side's key", ErrRejected, text)
	}
	return fmt.Errorf("%w: %q", ErrRejected, text)
}

// maxError is the length of an ERROR's body (RFC 26): a length and its text.
const maxError = 1 + 255

// peekHeader looks at the header of the next frame, and leaves it unread.
func peekHeader(in *bufio.Reader) (flags byte, size uint64, length int, err error) {
	b, err := in.Peek(shortHeader)
	if err != nil {
		return 0, 0, 0, err
	}
	if b[0]&frameLong == 0 {
		return b[0], uint64(b[1]), shortHeader, nil
	}
	if b, err = in.Peek(longHeader); err != nil {
		return 0, 0, 0, err
	}
	return b[0], binary.BigEndian.Uint64(b[1:]), longHeader, nil
}
