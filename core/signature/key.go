package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"

	"github.com/headgate-io/headgate/sdk/webhook"
)

// maxSize is the longest signature in bytes.
const maxSize = ed25519.SignatureSize

// Key verifies signatures of one kind. It is safe for concurrent use.
type Key struct {
	version string
	size    int               // of a signature in bytes
	public  ed25519.PublicKey // nil for an HMAC key
	macs    *sync.Pool        // of *mac; nil for an Ed25519 key
}

// NewHMAC takes a secret that [webhook.CheckSecret] takes.
func NewHMAC(secret []byte) (*Key, error) {
	if err := webhook.CheckSecret(secret); err != nil {
		return nil, err
	}
	secret = append([]byte(nil), secret...)
	macs := &sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, secret)} }}
	return &Key{version: webhook.VersionHMAC, size: sha256.Size, macs: macs}, nil
}

// NewEd25519 takes a public key that [webhook.CheckPublic] takes.
func NewEd25519(public ed25519.PublicKey) (*Key, error) {
	if err := webhook.CheckPublic(public); err != nil {
		return nil, err
	}
	public = append(ed25519.PublicKey(nil), public...)
	return &Key{version: webhook.VersionEd25519, size: ed25519.SignatureSize, public: public}, nil
}

// check compares signatures with one content.
type check struct {
	mac     [sha256.Size]byte
	public  ed25519.PublicKey // nil: compare with mac
	content []byte
}

// over prepares the check of a content. The body is copied only for Ed25519,
// which must read it twice.
func (k *Key) over(id, timestamp string, body []byte) check {
	if k.public != nil {
		return check{public: k.public, content: webhook.Content(id, timestamp, body)}
	}
	m := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	return check{mac: m.sum(id, timestamp, body)}
}

// fits takes a signature of the key's size. It compares MACs in constant time.
func (c *check) fits(sig []byte) bool {
	if c.public != nil {
		return ed25519.Verify(c.public, c.content, sig)
	}
	return hmac.Equal(c.mac[:], sig)
}

// mac is a keyed hash with its buffers, kept because keying one costs as much
// as a small body does.
type mac struct {
	hash   hash.Hash
	prefix []byte
	out    [sha256.Size]byte
}

func (m *mac) sum(id, timestamp string, body []byte) [sha256.Size]byte {
	m.hash.Reset()
	m.prefix = append(m.prefix[:0], id...)
	m.prefix = append(m.prefix, '.')
	m.prefix = append(m.prefix, timestamp...)
	m.prefix = append(m.prefix, '.')
	m.hash.Write(m.prefix)
	m.hash.Write(body)
	m.hash.Sum(m.out[:0])
	return m.out
}
