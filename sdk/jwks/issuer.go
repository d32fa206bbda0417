package jwks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// maxSkipped is how many of a set's unusable keys get a line in the log.
const maxSkipped = 16

// issuer follows one source.
type issuer struct {
	source       Source
	allowPrivate bool
	usableFor    time.Duration
	client       *client
	random       func() float64
	log          *slog.Logger
	hints        chan string // key ids; one waits at most

	// Of whoever follows.
	schedule   schedule
	keysURL    string
	discovered time.Time // when keysURL was found
	rediscover bool      // keysURL did not answer: it may be another by now
	etag       string
	digest     [sha256.Size]byte // of the set that was taken last
	told       []skipped         // what the last set had that is left out

	mu         sync.Mutex
	keys       keySet // without ids until the first success
	fetched    time.Time
	freshUntil time.Time
}

// follow fetches when it is due until ctx ends, and tells changed of each
// success.
func (i *issuer) follow(ctx context.Context, changed chan<- struct{}) {
	timer := time.NewTimer(time.Until(i.schedule.next))
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case kid := <-i.hints:
			if !i.knows(kid) {
				i.schedule.hint(time.Now())
			}
		case <-timer.C:
			i.fetch(ctx, changed)
		}
		timer.Reset(time.Until(i.schedule.next))
	}
}

// hint asks for a key, unless it is known here.
func (i *issuer) hint(kid string) (asks bool) {
	if i.knows(kid) {
		return false
	}
	select {
	case i.hints <- kid:
	default: // one waits already, and its fetch brings this one too
	}
	return true
}

func (i *issuer) knows(kid string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys.ids[kid]
}

// fetch asks once and plans the next time.
func (i *issuer) fetch(ctx context.Context, changed chan<- struct{}) {
	fresh, err := i.refresh(ctx)
	now := time.Now()
	switch {
	case err == nil:
		if i.schedule.failures > 0 {
			i.log.Info("keys are fetched again", "issuer", i.source.Trust.Issuer)
		}
		i.schedule.succeeded(now, fresh, i.random())
		select {
		case changed <- struct{}{}:
		default: // it is told already, and the bundle holds this too
		}
	case ctx.Err() != nil: // it is due again when somebody watches again
	default:
		i.schedule.failed(now, i.random())
		level := slog.LevelWarn
		if errors.Is(err, errEmpty) || errors.Is(err, errUseful) { // no outage: somebody changed something
			level = slog.LevelError
		}
		text := "keys are not fetched, those of the last time stay"
		if _, _, ok := i.trust(); !ok {
			text = "no keys yet: keys are not fetched"
		}
		i.log.Log(ctx, level, text, "issuer", i.source.Trust.Issuer, "error", err, "again", i.schedule.next.Sub(now).Round(time.Millisecond))
	}
}

// refresh fetches the key set and takes it. It returns for how long it is fresh.
func (i *issuer) refresh(ctx context.Context) (time.Duration, error) {
	if err := i.locate(ctx); err != nil {
		return 0, err
	}
	d, err := i.client.get(ctx, i.keysURL, i.etag)
	d.fresh = min(d.fresh, i.usableFor/2) // so that keys of an issuer that answers never grow too old
	if err == nil {
		err = i.take(&d)
	}
	if err != nil {
		i.rediscover = true
		return 0, fmt.Errorf("key set at %s: %w", i.keysURL, err)
	}
	i.etag = d.etag
	return d.fresh, nil
}

// locate finds where the key set is. A place that was found before serves on for
// a while when it cannot be found anew.
func (i *issuer) locate(ctx context.Context) error {
	if i.source.Keys != "" {
		i.keysURL = i.source.Keys
		return nil
	}
	age := time.Since(i.discovered)
	if i.keysURL != "" && age < discoveryEvery && !i.rediscover {
		return nil
	}
	at, err := i.source.discover(ctx, i.client, i.allowPrivate)
	if err != nil {
		if i.keysURL == "" || age >= discoveryUsable || ctx.Err() != nil {
			return err
		}
		i.log.Warn("where the keys are is not found anew, the place of the last time stays", "issuer", i.source.Trust.Issuer, "error", err)
		return nil
	}
	if at != i.keysURL {
		i.keysURL, i.etag = at, ""
	}
	i.discovered, i.rediscover = time.Now(), false
	return nil
}

// take makes a document the keys at work.
func (i *issuer) take(d *document) error {
	digest := sha256.Sum256(d.body)
	keys := i.keys
	if !d.same && (digest != i.digest || keys.ids == nil) {
		var left []skipped
		var err error
		keys, left, err = readKeys(d.body, i.source.Trust.Algs)
		i.tell(left)
		if err != nil {
			return err
		}
		i.digest = digest
	}
	now := time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys, i.fetched = keys, now
	// One fetch may fail before anybody need be told.
	i.freshUntil = now.Add(min(2*d.fresh, i.usableFor))
	return nil
}

// tell logs the keys that are left out, each once for as long as it is there: an
// issuer's set may well have some that are not for tokens.
func (i *issuer) tell(left []skipped) {
	said := 0
	for _, k := range left {
		if slices.Contains(i.told, k) {
			continue
		}
		if said++; said <= maxSkipped {
			i.log.Info("a key is left out", "issuer", i.source.Trust.Issuer, "kid", k.id, "why", k.why)
		}
	}
	if said > maxSkipped {
		i.log.Info("more keys are left out", "issuer", i.source.Trust.Issuer, "keys", said-maxSkipped)
	}
	i.told = left
}

// trust is how the issuer's tokens are checked now, and since when; false before
// the first success.
func (i *issuer) trust() (t sdk.IssuerTrust, fetched time.Time, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	t = i.source.Trust
	t.Keys = i.keys.texts
	t.FetchedAt, t.FreshUntil, t.UsableUntil = i.fetched, i.freshUntil, i.fetched.Add(i.usableFor)
	return t, i.fetched, i.keys.ids != nil
}
