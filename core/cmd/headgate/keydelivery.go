package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/sdk/delivery"
)

const (
	// defaultLead is how long a key is published before it signs: twice what the
	// JWK Set lets caches keep it, so that a key server between has it, too.
	defaultLead = 10 * time.Minute
	// expirySlack is what clocks may differ by between a router and consumers.
	expirySlack = time.Minute
)

// deliveryRotation is how the delivery key is rotated.
type deliveryRotation struct {
	wanted, force bool
	lead          time.Duration
	why           string
}

// step is one step in the life of the delivery keys of a file.
type step struct {
	what  string // "publish", "sign" or "drop"
	about int    // the key, for sign and drop
	due   time.Time
}

// nextStep tells from the roles in a file what comes next: a next key is to sign,
// else a former one is to go, else a next one is to be made.
func nextStep(keys []datadir.SigningKey, lead, validity time.Duration) (step, error) {
	is := func(role datadir.Role) int {
		return slices.IndexFunc(keys[1:], func(k datadir.SigningKey) bool { return k.Role == role }) + 1
	}
	for i, k := range keys[1:] {
		if k.Role != datadir.Next && k.Role != datadir.Former {
			return step{}, fmt.Errorf(`key %d of the file does not say what it is for: put the line "# next since %s" above it, or "# former since" when it signed until then, or take it out`,
				i+2, time.Now().UTC().Format(time.RFC3339))
		}
	}
	if i := is(datadir.Next); i > 0 {
		return step{"sign", i, keys[i].Since.Add(lead)}, nil
	}
	if i := is(datadir.Former); i > 0 {
		return step{"drop", i, keys[i].Since.Add(validity + expirySlack)}, nil
	}
	return step{what: "publish"}, nil
}

// take gives the keys after a step that is taken now.
func (s step) take(keys []datadir.SigningKey, now time.Time) []datadir.SigningKey {
	now = now.UTC().Truncate(time.Second)
	keys = slices.Clone(keys)
	switch s.what {
	case "publish":
		_, key, _ := ed25519.GenerateKey(rand.Reader) // never fails (crypto/rand, Go 1.24)
		return append(keys, datadir.SigningKey{Private: key, Role: datadir.Next, Since: now})
	case "sign":
		next := keys[s.about]
		keys = slices.Delete(keys, s.about, s.about+1)
		keys[0].Role, keys[0].Since = datadir.Former, now
		next.Role, next.Since = datadir.Signs, now
		return slices.Insert(keys, 0, next)
	}
	return slices.Delete(keys, s.about, s.about+1)
}

func (a *app) rotateDelivery(ctx context.Context, r deliveryRotation) error {
	cfg, err := config.Load(a.files, config.Options{Unchecked: true})
	if err != nil {
		return err
	}
	keys, err := deliveryKeys(cfg)
	if err != nil {
		return err
	}
	validity := core.Validity(cfg)
	s, err := nextStep(keys, r.lead, validity)
	if err != nil {
		return fmt.Errorf("%s: %w", core.DeliveryFile(cfg), err)
	}
	if wait := time.Until(s.due); wait > 0 && !r.force {
		return fmt.Errorf("%s: not before %s, in %s; --force does it all the same", s.says(keys), s.due.UTC().Format(time.RFC3339), wait.Round(time.Second))
	}
	if err := a.fitsRouter(ctx, s, keys); err != nil && !r.force {
		return err
	}
	now := s.take(keys, time.Now())
	text, err := datadir.FormatKeys(now)
	if err != nil {
		return err
	}
	if err := config.ReplacePrivate(core.DeliveryFile(cfg), text); err != nil {
		return readOnly(fmt.Errorf("delivery keys: %w", err), byHand(r.lead, validity))
	}
	running, err := a.awaitRouter(ctx, func(keys *admin.Keys) (bool, string) {
		return slices.EqualFunc(keys.Delivery, now, func(a admin.DeliveryKey, b datadir.SigningKey) bool { return a.ID == kidOf(b) }), keys.DeliveryFault
	})
	if err != nil {
		return err
	}
	a.tellStep(s, now, running, r.lead, validity)
	return nil
}

// fitsRouter asks a running router whether it is where its file is: a key that it
// does not publish must not sign, and one that it signs with must not go.
func (a *app) fitsRouter(ctx context.Context, s step, keys []datadir.SigningKey) error {
	if s.what == "publish" {
		return nil
	}
	running, err := a.runningKeys(ctx)
	if errors.Is(err, admin.ErrUnreachable) {
		return nil
	}
	if err != nil {
		return err
	}
	published, signs := running.Publishes(kidOf(keys[s.about]))
	if s.what == "sign" && !published || s.what == "drop" && signs {
		return fmt.Errorf("%s: the running router does not go by %s: %s", s.says(keys), "its file yet", running.DeliveryFault)
	}
	return nil
}

func (s step) says(keys []datadir.SigningKey) string {
	switch s.what {
	case "sign":
		return fmt.Sprintf("delivery key %s is to sign", kidOf(keys[s.about]))
	case "drop":
		return fmt.Sprintf("former delivery key %s is to go", kidOf(keys[s.about]))
	}
	return "a new delivery key is to be published"
}

// tellStep says what was done, and what comes next.
func (a *app) tellStep(s step, now []datadir.SigningKey, running bool, lead, validity time.Duration) {
	who := "No router runs here: the next one"
	if running {
		who = "The router"
	}
	const again = "headgate key rotate --delivery"
	switch next, _ := nextStep(now, lead, validity); s.what {
	case "publish":
		a.printf("%s publishes delivery key %s, and signs with %s.\nConsumers that have keys in a file need it anew: headgate key export > keys.json\nNext, after %s: %s, and the new key signs.\n",
			who, kidOf(now[len(now)-1]), kidOf(now[0]), next.due.Format(time.RFC3339), again)
	case "sign":
		a.printf("%s signs with delivery key %s.\nNext, after %s: %s, and the former key goes.\n", who, kidOf(now[0]), next.due.Format(time.RFC3339), again)
	default:
		a.printf("%s publishes %s, and signs with %s. The rotation is complete.\n", who, count(len(now), "delivery key"), kidOf(now[0]))
	}
}

// byHand is the same walk where the file comes from elsewhere.
func byHand(lead, validity time.Duration) string {
	return fmt.Sprintf("change it where it comes from, in three steps: put a new key (openssl genpkey -algorithm ed25519) below the one that is there; %s later swap the two; %s later take the lower one out",
		lead, validity+expirySlack)
}

func kidOf(k datadir.SigningKey) string {
	return delivery.KeyID(k.Private.Public().(ed25519.PublicKey))
}
