package curve

import (
	"fmt"
	"slices"

	"golang.org/x/crypto/nacl/box"
)

// Client is the side that pins the other's key.
type Client struct {
	Secret *Secret
	Server Public
}

// Handshake begins. The caller bounds its time by a deadline of the
// connection. After an error the connection is of no use.
func (c *Client) Handshake(w Wire) (*Session, error) {
	transient, err := newPair()
	if err != nil {
		return nil, err
	}
	server := (*key)(&c.Server)
	k := shared(server, transient.secret)
	head := make([]byte, helloKey) // version 1.0, then padding, which no server can be made to multiply
	head[0] = 1
	sealed := box.SealAfterPrecomputation(nil, make([]byte, signature), nonce(prefixHello, short(1)), k)
	if err := writeCommand(w.Out, "HELLO", head, transient.public[:], short(1), sealed); err != nil {
		return nil, err
	}
	welcome, err := readCommand(w.In, "WELCOME", welcomeSize, welcomeSize)
	if err != nil {
		return nil, err
	}
	plain, ok := box.OpenAfterPrecomputation(nil, welcome[longNonce:], nonce(prefixWelcome, welcome[:longNonce]), k)
	if !ok {
		return nil, fmt.Errorf("%w: WELCOME does not open", ErrServerKey)
	}
	theirs, cookie := (*key)(plain[:keySize]), plain[keySize:]
	session := shared(theirs, transient.secret)
	n := randomNonce()
	vouch := box.Seal(n, slices.Concat(transient.public[:], server[:]), nonce(prefixVouch, n), theirs, &c.Secret.secret)
	sealed = box.SealAfterPrecomputation(nil, slices.Concat(c.Secret.public[:], vouch, w.Metadata), nonce(prefixInitiate, short(2)), session)
	if err := writeCommand(w.Out, "INITIATE", cookie, short(2), sealed); err != nil {
		return nil, err
	}
	ready, err := readCommand(w.In, "READY", readySize, readySize+maxMetadata)
	if err != nil {
		return nil, err
	}
	metadata, ok := box.OpenAfterPrecomputation(nil, ready[shortSize:], nonce(prefixReady, ready[:shortSize]), session)
	if !ok {
		return nil, fmt.Errorf("%w: READY does not open", ErrProof)
	}
	return &Session{Peer: c.Server, Metadata: metadata, wire: w, key: session,
		sends: *nonce(prefixClient, short(2)), reads: *nonce(prefixServer, ready[:shortSize])}, nil
}
