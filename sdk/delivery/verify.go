package delivery

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/headgate-io/headgate/sdk"
)

// What Open refuses a delivery for, in the order it checks.
var (
	ErrFrames   = errors.New("delivery: not five frames with a readable header")
	ErrKeyID    = errors.New("delivery: key id is not known")
	ErrBlock    = errors.New("delivery: signature block is not exact")
	ErrRoot     = errors.New("delivery: signature does not verify")
	ErrChannel  = errors.New("delivery: channel is not mine")
	ErrTopic    = errors.New("delivery: topic is not the event's type")
	ErrIdentity = errors.New("delivery: header and event name different events")
	ErrExpired  = errors.New("delivery: expired")
)

// rememberedRoots is how many verified roots are kept per key, so that the
// deliveries of one batch cost one signature check. Remembering replaces none
// of the other checks.
const rememberedRoots = 64

// Delivery is a delivery that passed every check.
type Delivery struct {
	Header   Header
	Event    sdk.Event
	Original []byte // empty unless the channel keeps originals
}

// Verifier makes a consumer's checks. Safe for concurrent use.
type Verifier struct {
	channels []string

	mu    sync.Mutex
	keys  Keys
	roots map[string]*rootRing
}

type knownRoot struct {
	size int
	root tlog.Hash
}

type rootRing struct {
	roots [rememberedRoots]knownRoot
	next  int
}

// NewVerifier checks against keys and takes deliveries of these channels only.
func NewVerifier(keys Keys, channels ...string) *Verifier {
	return &Verifier{keys: keys, channels: channels, roots: make(map[string]*rootRing)}
}

// SetKeys replaces the keys, and forgets the roots of those that are gone.
func (v *Verifier) SetKeys(keys Keys) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for kid := range v.roots {
		if !slices.Equal(keys[kid], v.keys[kid]) {
			delete(v.roots, kid)
		}
	}
	v.keys = keys
}

// Open checks a delivery's frames, in this order: the key id is known, the
// block is exact, the root's signature verifies, the channel is mine, the topic
// is the event's type, header and event agree on id and source, and now is not
// past the expiry. Deduplication on (source, id) is the caller's.
func (v *Verifier) Open(frames [][]byte, now time.Time) (Delivery, error) {
	if len(frames) != Frames {
		return Delivery{}, fmt.Errorf("%w: %d frames", ErrFrames, len(frames))
	}
	h, err := ParseHeader(frames[FrameHeader])
	if err != nil {
		return Delivery{}, fmt.Errorf("%w: %w", ErrFrames, err)
	}
	if err := v.verify(frames, h.KeyID); err != nil {
		return Delivery{}, err
	}
	if !slices.Contains(v.channels, h.Channel) {
		return Delivery{}, fmt.Errorf("%w: %q", ErrChannel, h.Channel)
	}
	e, err := sdk.ParseEvent(frames[FrameEvent])
	if err != nil {
		return Delivery{}, fmt.Errorf("delivery: %w", err)
	}
	if string(frames[FrameTopic]) != e.Type {
		return Delivery{}, fmt.Errorf("%w: %q", ErrTopic, frames[FrameTopic])
	}
	if h.ID != e.ID || h.Source != e.Source {
		return Delivery{}, ErrIdentity
	}
	if now.Unix() > h.Expires {
		return Delivery{}, fmt.Errorf("%w at %s", ErrExpired, time.Unix(h.Expires, 0).UTC().Format(time.RFC3339))
	}
	return Delivery{Header: h, Event: e, Original: frames[FrameOriginal]}, nil
}

func (v *Verifier) verify(frames [][]byte, kid string) error {
	v.mu.Lock()
	key, known := v.keys[kid]
	v.mu.Unlock()
	if !known {
		return fmt.Errorf("%w: %q", ErrKeyID, kid)
	}
	b, err := parseBlock(frames[FrameSignature])
	if err != nil {
		return err
	}
	root := knownRoot{size: b.size, root: b.root(newLeafHasher().leaf(frames))}
	if v.remembers(kid, root) {
		return nil
	}
	if !ed25519.Verify(key, rootText(kid, b.size, root.root), b.signature) {
		return ErrRoot
	}
	v.remember(kid, key, root)
	return nil
}

func (v *Verifier) remembers(kid string, root knownRoot) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	ring := v.roots[kid]
	return ring != nil && slices.Contains(ring.roots[:], root)
}

func (v *Verifier) remember(kid string, key ed25519.PublicKey, root knownRoot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Equal(v.keys[kid], key) {
		return // the key went while its signature was checked
	}
	ring := v.roots[kid]
	if ring == nil {
		ring = new(rootRing)
		v.roots[kid] = ring
	}
	ring.roots[ring.next] = root
	ring.next = (ring.next + 1) % rememberedRoots
}
