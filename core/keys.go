package core

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/trust"
)

// keyring is the keys of senders as they count now. One goroutine changes them.
type keyring struct {
	trusted trusted
	intake  users
	log     zerolog.Logger
	audit   *auditor // nil for none

	cfg   *config.Config // with the keys that count
	by    int            // the generation that is put in place now; 0 while keys change in their files
	rules atomic.Pointer[intake.Generation]
	told  atomic.Pointer[told]
}

// told is keys as they were told last: what is revoked there is so for good.
type told struct {
	cfg   *config.Config
	trust *trust.Snapshot
}

// users take rules in one step.
type users interface{ Use(*intake.Generation) }

// newKeyring starts with the keys of a configuration, whose rules are in use.
func newKeyring(cfg *config.Config, t trusted, in users, rules *intake.Generation, log zerolog.Logger) *keyring {
	k := &keyring{trusted: t, intake: in, log: log, cfg: cfg}
	k.rules.Store(rules)
	k.told.Store(&told{cfg, rules.Trust})
	return k
}

// use swaps the keys in one step, or none of them. A key that was ever revoked stays
// so, whatever stands in fresh: the error says it, and the rest counts.
func (k *keyring) use(fresh *config.Config) error {
	held, back := k.trusted.revoked.hold(fresh, k.cfg)
	if err := k.swap(held); err != nil {
		return err
	}
	if len(back) > 0 {
		return partly{back}
	}
	return nil
}

// swap takes keys of which none comes back.
func (k *keyring) swap(fresh *config.Config) error {
	if !fresh.SameKeys(k.cfg) {
		snapshot, err := trust.New(trustRules(fresh, k.trusted))
		if err != nil {
			return problems(fresh, err)
		}
		rules := k.rules.Load().With(snapshot)
		k.cfg = fresh
		k.rules.Store(rules)
		k.intake.Use(rules)
	}
	return k.settle()
}

// settle tells of the keys that count, once those that are revoked are so for good.
// An error leaves them untold; whoever calls again tries again.
func (k *keyring) settle() error {
	if err := k.trusted.revoked.add(k.cfg); err != nil {
		return err
	}
	if was := k.told.Load(); was.cfg != k.cfg {
		k.tell(was.cfg, k.cfg)
		k.told.Store(&told{k.cfg, k.rules.Load().Trust})
	}
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
	settle := k.settle // what could not be kept before may be now
	if any {
		settle = func() error { return k.use(&now) } // fewer keys cannot be worse than those that count
	}
	if err := settle(); err != nil {
		k.log.Error().Err(err).Msg("a key is not revoked for good")
	}
}

// tell logs what has become of each key.
func (k *keyring) tell(old, fresh *config.Config) {
	before := make(map[string]*config.Key)
	of := make(map[string]string)
	for i := range old.Auth {
		for j := range old.Auth[i].Keys {
			before[old.Auth[i].Keys[j].ID] = &old.Auth[i].Keys[j]
			of[old.Auth[i].Keys[j].ID] = old.Auth[i].Name
		}
	}
	var records []audit.Record
	note := func(action, auth string, key *config.Key, was, now string) {
		line := k.log.Info().Str("auth", auth).Str("key", key.ID).Str("principal", key.Principal)
		if was != now && was != "" {
			line.Str("was", was)
		}
		if now != "" {
			line.Str("state", now)
		}
		line.Msg("key " + action)
		r := keyRecord(action, auth, key.ID, key.Principal, was, now)
		if k.by != 0 { // its config.apply tells what the configuration says, this what counts by that
			r.Detail["generation"] = fmt.Sprint(k.by)
		}
		records = append(records, r)
	}
	for i := range fresh.Auth {
		for j := range fresh.Auth[i].Keys {
			key := &fresh.Auth[i].Keys[j]
			was := before[key.ID]
			delete(before, key.ID)
			switch {
			case was == nil:
				note("added", fresh.Auth[i].Name, key, "", key.State)
			case was.State != key.State:
				note("changed state", fresh.Auth[i].Name, key, was.State, key.State)
			case !sameKey(was, key):
				note("changed", fresh.Auth[i].Name, key, was.State, key.State)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(before)) {
		note("gone", of[id], before[id], before[id].State, "")
	}
	if !slices.EqualFunc(old.EventKeys, fresh.EventKeys, func(a, b config.EventKey) bool { return reflect.DeepEqual(a, b) }) {
		k.log.Info().Int("keys", len(fresh.EventKeys)).Msg("event keys changed")
		records = append(records, audit.Record{Action: "key.event_keys", Outcome: audit.Success, Count: uint64(len(fresh.EventKeys))})
	}
	_ = k.audit.note(records...) // it logs
}

// sameKey tells whether nothing of a key is another, wherever it stands.
func sameKey(a, b *config.Key) bool {
	return a.Principal == b.Principal && string(a.Material.Reveal()) == string(b.Material.Reveal()) &&
		slices.Equal(a.Sources, b.Sources) && slices.Equal(a.Types, b.Types) && slices.Equal(a.Scopes, b.Scopes)
}

// keySource is what a router has the keys of senders from.
func keySource(cfg *config.Config, k *keyring) *source[*config.Config] {
	reader := cfg.KeyReader()
	return &source[*config.Config]{
		name: "keys",
		log:  k.log,
		read: func() (*config.Config, []string, error) {
			fresh, err := reader.Read()
			return fresh, fresh.KeyFiles(), err
		},
		same:   func(a, b *config.Config) bool { return a.SameKeys(b) },
		use:    k.use,
		urgent: k.revoke,
	}
}

// Keys implements admin.Router.
func (c *Core) Keys(context.Context) (admin.Keys, error) {
	at := c.at.Load()
	return admin.Keys{Since: c.started, Senders: at.keyring.told.Load().trust.Keys(), SendersFault: at.senderKeys.Fault(),
		Delivery: c.signing.shown.Load().list, DeliveryFault: at.deliveryKeys.Fault()}, nil
}
