// Package delivery is what travels between the router and a consumer: the five
// frames of a delivery with their signature, and the reply that answers it.
//
// A consumer starts with [NewVerifier] and [Verifier.Open], which makes every
// check of the contract in its order. The router starts with [Signer.Sign],
// which signs a whole batch with one Ed25519 signature over a Merkle tree, so
// that signing costs microseconds per delivery.
//
//	0 topic      the event's type, UTF-8: what a subscriber filters on
//	1 header     JSON, see [Header]
//	2 event      structured CloudEvents JSON, exactly the bytes to act on
//	3 original   empty, or the bytes as they were received
//	4 signature  a binary block, see [Signer.Sign]
package delivery

// The frames of a delivery, by index.
const (
	FrameTopic = iota
	FrameHeader
	FrameEvent
	FrameOriginal
	FrameSignature
	Frames // how many there are
)

// Version is the value of a header's "v".
const Version = 1
