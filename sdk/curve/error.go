package curve

import "errors"

// What can go wrong. Errors of the connection itself come as they are.
var (
	ErrMalformed = errors.New("curve: malformed command or frame")
	ErrServerKey = errors.New("curve: the two sides do not mean the same server key")
	ErrProof     = errors.New("curve: the peer does not prove its key, or repeats another's handshake")
	ErrRefused   = errors.New("curve: the client's key is not admitted")
	ErrRejected  = errors.New("curve: the server reported an error")
	ErrForged    = errors.New("curve: a box does not open: it was changed on its way")
	ErrNonce     = errors.New("curve: a nonce went back: a frame was repeated or reordered")
	ErrSize      = errors.New("curve: a frame over the limit")
)
