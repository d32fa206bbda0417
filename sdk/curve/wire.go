package curve

import (
	"bufio"
	"io"
	"sync"
)

// Layout of commands, after their names (RFC 26).
const (
	helloSize    = 194 // version 2, padding 72, C' 32, nonce 8, box 80
	helloKey     = 74
	helloNonce   = 106
	helloBox     = 114
	signature    = 64 // zero bytes in the box of HELLO
	welcomeSize  = longNonce + keySize + cookieSize + overhead
	cookieSize   = longNonce + 2*keySize + overhead
	vouchSize    = longNonce + 2*keySize + overhead
	initiateSize = cookieSize + shortSize + keySize + vouchSize + overhead
	readySize    = shortSize + overhead
)

// maxMetadata bounds a peer's metadata: far more than any peer sends.
const maxMetadata = 8 << 10

// Wire is a connection on which greetings have been exchanged, with mechanism
// CURVE, and what a session may hold of it.
type Wire struct {
	In  *bufio.Reader // may hold bytes already
	Out io.Writer
	// Metadata is told to the peer: properties as in a READY (RFC 23).
	Metadata []byte
	// Limit bounds the body of a frame that is read, in bytes.
	Limit int
	// Buffers hold *[]byte for what is being written; nil makes new ones.
	Buffers *sync.Pool
}
