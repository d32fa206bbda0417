package curve

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/nacl/box"
)

// Server is the side with the key that clients pin.
type Server struct {
	// Secrets are the server's long-term keys. Clients may pin any of them, so
	// that an old one can retire while clients learn the new one.
	Secrets []*Secret
	// Admit decides about a client that has proven its key; an error refuses
	// it, and it is told no more than that. Nil refuses everybody.
	Admit func(client Public) error
}

// Handshake answers a client's. The caller bounds its time by a deadline of
// the connection. After an error the connection is of no use.
func (s *Server) Handshake(w Wire) (*Session, error) {
	hello, err := readCommand(w.In, "HELLO", helloSize, helloSize)
	if err != nil {
		return nil, err
	}
	client, own, sharedHello, err := s.open(hello)
	if err != nil {
		return nil, err
	}
	transient, err := newPair()
	if err != nil {
		return nil, err
	}
	cookie := make([]byte, cookieSize)
	_, _ = rand.Read(cookie) // never fails (crypto/rand, Go 1.24)
	welcome := randomNonce()
	sealed := box.SealAfterPrecomputation(nil, append(transient.public[:], cookie...), nonce(prefixWelcome, welcome), sharedHello)
	if err := writeCommand(w.Out, "WELCOME", welcome, sealed); err != nil {
		return nil, err
	}
	initiate, err := readCommand(w.In, "INITIATE", initiateSize, initiateSize+maxMetadata)
	if err != nil {
		return nil, err
	}
	// What RFC 26 seals into a cookie spares a server its memory. This one
	// remembers, so any bytes do that are this connection's alone: a handshake
	// that was recorded carries others.
	if subtle.ConstantTimeCompare(initiate[:cookieSize], cookie) != 1 {
		return nil, fmt.Errorf("%w: another cookie", ErrProof)
	}
	count := initiate[cookieSize : cookieSize+shortSize]
	if bytes.Compare(count, hello[helloNonce:helloBox]) <= 0 {
		return nil, ErrNonce
	}
	session := shared(client, transient.secret)
	plain, ok := box.OpenAfterPrecomputation(nil, initiate[cookieSize+shortSize:], nonce(prefixInitiate, count), session)
	if !ok {
		return nil, fmt.Errorf("%w: INITIATE does not open", ErrProof)
	}
	peer := Public(plain[:keySize])
	if err := vouched(plain[keySize:keySize+vouchSize], peer, client, own, transient.secret); err != nil {
		return nil, err
	}
	if err := s.admit(peer); err != nil {
		return nil, errors.Join(err, writeCommand(w.Out, "ERROR", append([]byte{byte(len(denied))}, denied...)))
	}
	sealed = box.SealAfterPrecomputation(nil, w.Metadata, nonce(prefixReady, short(1)), session)
	if err := writeCommand(w.Out, "READY", short(1), sealed); err != nil {
		return nil, err
	}
	return &Session{Peer: peer, Metadata: plain[keySize+vouchSize:], wire: w, key: session,
		sends: *nonce(prefixServer, short(1)), reads: *nonce(prefixClient, count)}, nil
}

// open reads a HELLO with the key that the client means.
func (s *Server) open(hello []byte) (client *key, own Public, k *key, err error) {
	if !bytes.Equal(hello[:2], []byte{1, 0}) {
		return nil, own, nil, fmt.Errorf("%w: CURVE version %d.%d", ErrMalformed, hello[0], hello[1])
	}
	client = (*key)(hello[helloKey:])
	for _, secret := range s.Secrets {
		k = shared(client, &secret.secret)
		plain, ok := box.OpenAfterPrecomputation(nil, hello[helloBox:], nonce(prefixHello, hello[helloNonce:helloBox]), k)
		if ok && bytes.Equal(plain, make([]byte, signature)) {
			return client, secret.public, k, nil
		}
	}
	return nil, own, nil, fmt.Errorf("%w: HELLO does not open", ErrServerKey)
}

// vouched checks that the holder of peer vouches for the transient key client
// towards this server and no other.
func vouched(vouch []byte, peer Public, client *key, own Public, transient *key) error {
	if lowOrder((*key)(&peer)) {
		return fmt.Errorf("%w: a key that anybody could use", ErrProof)
	}
	plain, ok := box.Open(nil, vouch[longNonce:], nonce(prefixVouch, vouch[:longNonce]), (*key)(&peer), transient)
	if !ok || !bytes.Equal(plain, slices.Concat(client[:], own[:])) {
		return fmt.Errorf("%w: the vouch is not for this session", ErrProof)
	}
	return nil
}

func (s *Server) admit(peer Public) error {
	if s.Admit == nil {
		return ErrRefused
	}
	if err := s.Admit(peer); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}
