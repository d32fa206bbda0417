package core

import (
	"context"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/trust"
)

// keyring is the keys of senders as they count now. One goroutine changes them.
type keyring struct {
	trusted trusted
	intake  users
	log     zerolog.Logger

	cfg   *config.Config // with the keys that count
	rules atomic.Pointer[intake.Generation]
}

// users take rules in one step.
type users interface{ Use(*intake.Generation) }

// newKeyring starts with the keys of a configuration, whose rules are in use.
func newKeyring(cfg *config.Config, t trusted, in users, rules *intake.Generation, log zerolog.Logger) *keyring {
	k := &keyring{trusted: t, intake: in, log: log, cfg: cfg}
	k.rules.Store(rules)
	return k
}

// use swaps the keys in one step, or none of them.
func (k *keyring) use(fresh *config.Config) error {
	if fresh.SameKeys(k.cfg) {
		return nil
	}
	snapshot, err := trust.New(trustRules(fresh, k.trusted))
	if err != nil {
		return problems(fresh, err)
	}
	rules := &intake.Generation{Trust: snapshot, Table: k.rules.Load().Table}
	k.intake.Use(rules)
	k.rules.Store(rules) // what is told counts already
	k.tell(k.cfg, fresh)
	k.cfg = fresh
	return nil
}

// revoke takes from a reading what it revokes, and nothing else: a half-written
// file cannot say so by chance, and what is wrong with another key is no reason to
// wait.
func (k *keyring) revoke(read *config.Config) {
	type place struct{ file, id string }
	revoked := make(map[place]bool)
	for i := range read.Auth {
		for _, key := range read.Auth[i].Keys {
			if key.State == config.StateRevoked {
				revoked[place{key.File, key.ID}] = true
			}
		}
	}
	now, any := *k.cfg, false
	now.Auth = slices.Clone(now.Auth)
	for i := range now.Auth {
		now.Auth[i].Keys = slices.Clone(now.Auth[i].Keys)
		for j := range now.Auth[i].Keys {
			if key := &now.Auth[i].Keys[j]; revoked[place{key.File, key.ID}] && key.State != config.StateRevoked {
				key.State, key.Material, any = config.StateRevoked, nil, true
			}
		}
	}
	if !any {
		return
	}
	if err := k.use(&now); err != nil { // fewer keys cannot be worse than those that count
		k.log.Error().Err(err).Msg("a key cannot be revoked")
	}
}

// tell logs what has become of each key.
func (k *keyring) tell(old, fresh *config.Config) {
	before := make(map[string]*config.Key)
	for i := range old.Auth {
		for j := range old.Auth[i].Keys {
			before[old.Auth[i].Keys[j].ID] = &old.Auth[i].Keys[j]
		}
	}
	for i := range fresh.Auth {
		for j := range fresh.Auth[i].Keys {
			key := &fresh.Auth[i].Keys[j]
			was := before[key.ID]
			delete(before, key.ID)
			line := k.log.Info().Str("auth", fresh.Auth[i].Name).Str("key", key.ID).Str("principal", key.Principal)
			switch {
			case was == nil:
				line.Str("state", key.State).Msg("key added")
			case was.State != key.State:
				line.Str("was", was.State).Str("state", key.State).Msg("key changed state")
			case !sameKey(was, key):
				line.Str("state", key.State).Msg("key changed")
			default:
				line.Discard().Send()
			}
		}
	}
	for _, key := range before {
		k.log.Info().Str("key", key.ID).Str("principal", key.Principal).Str("was", key.State).Msg("key gone")
	}
	if !slices.EqualFunc(old.EventKeys, fresh.EventKeys, func(a, b config.EventKey) bool { return reflect.DeepEqual(a, b) }) {
		k.log.Info().Int("keys", len(fresh.EventKeys)).Msg("event keys changed")
	}
}

// sameKey tells whether nothing of a key is another, wherever it stands.
func sameKey(a, b *config.Key) bool {
	return a.Principal == b.Principal && string(a.Material.Reveal()) == string(b.Material.Reveal()) &&
		slices.Equal(a.Sources, b.Sources) && slices.Equal(a.Types, b.Types) && slices.Equal(a.Scopes, b.Scopes)
}

// keySource is what a router has the keys of senders from.
func keySource(cfg *config.Config, k *keyring) *source[*config.Config] {
	return &source[*config.Config]{
		name: "keys",
		log:  k.log,
		read: func() (*config.Config, []string, error) {
			fresh, err := cfg.ReadKeys()
			return fresh, fresh.KeyFiles(), err
		},
		same:   func(a, b *config.Config) bool { return a.SameKeys(b) },
		use:    k.use,
		urgent: k.revoke,
	}
}

// Keys implements admin.Router.
func (c *Core) Keys(context.Context) (admin.Keys, error) {
	return admin.Keys{Since: c.started, Senders: c.keyring.rules.Load().Trust.Keys(), SendersFault: c.senderKeys.Fault(),
		Delivery: c.signing.shown.Load().list, DeliveryFault: c.deliveryKeys.Fault()}, nil
}
