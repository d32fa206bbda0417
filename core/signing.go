package core

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/receipt"
)

// DeliveryKeys reads the delivery keys of a router, which may run: those that
// [signing] names, or those of its data directory. The first signs.
func DeliveryKeys(cfg *config.Config) ([]datadir.SigningKey, error) {
	if cfg.Signing.Key == "" {
		return datadir.ReadKeys(cfg.Path(cfg.Data.Dir))
	}
	text, err := cfg.ReadSigning()
	if err != nil {
		return nil, err
	}
	keys, err := datadir.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("delivery key %s: %w", cfg.Signing.Key, err)
	}
	return keys, nil
}

// DeliveryFile is the path that DeliveryKeys reads.
func DeliveryFile(cfg *config.Config) string {
	if cfg.Signing.Key == "" {
		return datadir.SigningFile(cfg.Path(cfg.Data.Dir))
	}
	return cfg.SigningPath()
}

// PublicKeys are the public halves of delivery keys.
func PublicKeys(keys []datadir.SigningKey) delivery.Keys {
	public := make([]ed25519.PublicKey, len(keys))
	for i, k := range keys {
		public[i] = k.Private.Public().(ed25519.PublicKey)
	}
	return delivery.NewKeys(public...)
}

// Validity is how long the longest valid delivery may be acted on after it was
// signed: so long a key must be published after its last signature.
func Validity(cfg *config.Config) time.Duration {
	longest := new(dispatch.Settings).Validity() // of telemetry
	for i := range cfg.Channels {
		ch := &cfg.Channels[i]
		if of := settings(ch); ch.Class == "command" {
			longest = max(longest, of.Validity())
		}
	}
	return longest
}

// signing is the delivery key at work, and those that are published with it. They
// may change while deliveries are signed: whoever makes some asks once for each
// batch. Safe for concurrent use, with one caller of use.
type signing struct {
	signer  atomic.Pointer[delivery.Signer]
	private atomic.Pointer[ed25519.PrivateKey] // that it signs with
	shown   atomic.Pointer[shown]
}

// shown is what a router tells of its delivery keys.
type shown struct {
	keys delivery.Keys
	jwks json.RawMessage // of keys
	list []admin.DeliveryKey
}

// newSigning starts with the keys of a file.
func newSigning(keys []datadir.SigningKey) (*signing, error) {
	s := new(signing)
	if _, err := s.use(keys); err != nil {
		return nil, err
	}
	return s, nil
}

// Signer gives what signs now, for one batch.
func (s *signing) Signer() *delivery.Signer { return s.signer.Load() }

// Receipt signs one, by the key that signs deliveries now.
func (s *signing) Receipt(r receipt.Receipt) ([]byte, error) {
	return receipt.Sign(r, *s.private.Load())
}

// JWKS gives the JWK Set of all keys.
func (s *signing) JWKS() []byte { return s.shown.Load().jwks }

// unannounced tells whether a key would sign that is not published yet.
func (s *signing) unannounced(keys []datadir.SigningKey) bool {
	_, known := s.shown.Load().keys[kidOf(keys[0])]
	return !known
}

// use swaps the keys: they are published before the first of them signs.
func (s *signing) use(keys []datadir.SigningKey) (changed bool, _ error) {
	if len(keys) == 0 {
		return false, errors.New("delivery key: there is none")
	}
	now := &shown{keys: PublicKeys(keys)}
	for i, k := range keys {
		now.list = append(now.list, admin.DeliveryKey{ID: kidOf(k), Signs: i == 0})
	}
	if last := s.shown.Load(); last != nil && slices.Equal(now.list, last.list) {
		return false, nil
	}
	var err error
	if now.jwks, err = json.Marshal(now.keys); err != nil {
		return false, fmt.Errorf("delivery keys: %w", err)
	}
	s.shown.Store(now)
	if old := s.signer.Load(); old == nil || old.KeyID() != kidOf(keys[0]) {
		s.private.Store(&keys[0].Private)
		s.signer.Store(delivery.NewSigner(keys[0].Private))
	}
	return true, nil
}

func kidOf(k datadir.SigningKey) string {
	return delivery.KeyID(k.Private.Public().(ed25519.PublicKey))
}

// signingSource is what a router has its delivery keys from.
func signingSource(cfg *config.Config, s *signing, log zerolog.Logger) *source[[]datadir.SigningKey] {
	return &source[[]datadir.SigningKey]{
		name: "delivery keys",
		log:  log,
		read: func() ([]datadir.SigningKey, []string, error) {
			keys, err := DeliveryKeys(cfg)
			return keys, []string{DeliveryFile(cfg)}, err
		},
		same: func(a, b []datadir.SigningKey) bool {
			return slices.EqualFunc(a, b, func(a, b datadir.SigningKey) bool { return a.Private.Equal(b.Private) })
		},
		use: func(keys []datadir.SigningKey) error {
			unannounced := s.unannounced(keys)
			changed, err := s.use(keys)
			if !changed || err != nil {
				return err
			}
			log.Info().Str("kid", s.Signer().KeyID()).Int("keys", len(keys)).Msg("delivery keys changed")
			if unannounced {
				log.Warn().Str("kid", s.Signer().KeyID()).Msg("this key signs and was never published: consumers leave deliveries until they have read it; headgate key rotate --delivery announces first")
			}
			return nil
		},
	}
}
