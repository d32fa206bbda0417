package trust

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// maxSkew is how far ahead of the router a provider's clock may be.
const maxSkew = time.Minute

// Take is the trust gate: b replaces the bundle before as a whole, or is refused
// with a [*BundleError] and changes nothing. b is the authority's from then on.
//
// generation numbers the processes of the plugin: once a bundle of a higher one
// was taken, the lower ones have nothing more to say. now goes by the clock that
// [Snapshot.Authenticate] goes by.
//
// Keys serve until usable_until, and never longer than AuthoritySettings.UsableFor
// after they were fetched, nor after now: publishing old keys anew does not keep
// them alive, nor does a provider's clock that is ahead.
func (a *Authority) Take(generation int, b sdk.TrustBundle, now time.Time) error {
	a.gate.Lock()
	defer a.gate.Unlock()
	last := a.bundle.Load()
	if last != nil && generation == last.generation && b.Version == last.from.Version && reflect.DeepEqual(b, last.from) {
		a.refused = nil
		return nil // a watch began anew, in a process that has nothing new
	}
	next, err := a.admit(last, generation, b, now)
	if err != nil {
		err.Auth = a.settings.Name
		a.refused = &RefusedBundle{At: now.UTC(), Generation: generation, Version: b.Version, Reason: err.Reason, Detail: err.Err.Error()}
		return err
	}
	a.refused = nil
	a.bundle.Store(next)
	return nil
}

// admit goes by what is cheapest to know first.
func (a *Authority) admit(last *bundle, generation int, b sdk.TrustBundle, now time.Time) (*bundle, *BundleError) {
	if err := follows(last, generation, b, now); err != nil {
		return nil, err
	}
	usable := earliest(b.UsableUntil, b.FetchedAt.Add(a.settings.UsableFor), now.Add(a.settings.UsableFor))
	if err := checkTimes(b, usable, now); err != nil {
		return nil, err
	}
	if err := a.checkIssuers(last, generation, b.Issuers); err != nil {
		return nil, err
	}
	if len(b.Revoked) > MaxRevocations {
		return nil, refusef(BundleRevocationsTooMany, "%d revocations: at most %d", len(b.Revoked), MaxRevocations)
	}
	revoked, err := newRevocations(b.Revoked, a.settings.Issuers)
	if err != nil {
		return nil, &BundleError{Reason: BundleRevocationBad, Err: err}
	}
	if last != nil {
		if n := revoked.lost(last.revoked, now); n > 0 {
			return nil, refusef(BundleRevocationsShrink, "%d revocations that have not expired are gone, or reach less far than before", n)
		}
	}
	next := &bundle{generation: generation, taken: now, from: b, revoked: revoked, issuers: make(map[string]*trusted, len(b.Issuers))}
	for _, i := range b.Issuers {
		t, err := a.compile(i)
		if err != nil {
			err.Err = fmt.Errorf("issuer %q: %w", i.Issuer, err.Err)
			return nil, err
		}
		t.revoked = revoked
		end := earliest(usable, i.UsableUntil)
		if !i.FetchedAt.IsZero() { // another issuer's fetch keeps none of its keys alive
			end = earliest(end, i.FetchedAt.Add(a.settings.UsableFor))
		}
		t.usable, t.fresh = newDeadline(end, now), earliest(end, b.FreshUntil, i.FreshUntil)
		next.issuers[i.Issuer] = t
	}
	if last != nil {
		next.keep(last)
	}
	return next, nil
}

// follows asks that a bundle is newer than the last good one.
func follows(last *bundle, generation int, b sdk.TrustBundle, now time.Time) *BundleError {
	if b.FetchedAt.After(now.Add(maxSkew)) {
		return refusef(BundleFetchedInFuture, "fetched at %s, and it is %s: set the clocks right", stamp(b.FetchedAt), stamp(now))
	}
	if last == nil {
		return nil
	}
	same := generation == last.generation
	switch {
	case generation < last.generation:
		return refusef(BundleGenerationBack, "of process %d of the plugin, and process %d has published", generation, last.generation)
	case same && b.Version < last.from.Version:
		return refusef(BundleVersionBack, "version %d after version %d", b.Version, last.from.Version)
	case same && b.Version == last.from.Version:
		return refusef(BundleVersionRepeated, "version %d has another content than before: each content needs a version of its own", b.Version)
	// A clock that was set right may be behind the one that the last bundle went
	// by, and must not keep out every newer one until that time has come.
	case b.FetchedAt.Before(last.from.FetchedAt.Add(-maxSkew)) && !last.from.FetchedAt.After(now.Add(maxSkew)):
		return refusef(BundleFetchedBack, "fetched at %s, and the last good one at %s", stamp(b.FetchedAt), stamp(last.from.FetchedAt))
	}
	return nil
}

func checkTimes(b sdk.TrustBundle, usable, now time.Time) *BundleError {
	if b.FreshUntil.Before(b.FetchedAt) || b.UsableUntil.Before(b.FreshUntil) {
		return refusef(BundleTimesOutOfOrder, "fetched_at, fresh_until and usable_until have to be in this order")
	}
	for _, i := range b.Issuers {
		if !i.FreshUntil.IsZero() && !i.UsableUntil.IsZero() && i.UsableUntil.Before(i.FreshUntil) {
			return refusef(BundleTimesOutOfOrder, "issuer %q: fresh_until and usable_until have to be in this order", clip(i.Issuer))
		}
	}
	if !now.Before(usable) {
		return refusef(BundleExpired, "fetched at %s, it was usable until %s only", stamp(b.FetchedAt), stamp(usable))
	}
	return nil
}

// keep takes over the issuers of last that this bundle lacks, for as long as they
// were good for: a process that was started anew while one issuer is away cannot
// vouch for it, and must not be kept from vouching for the others.
func (b *bundle) keep(last *bundle) {
	for name, was := range last.issuers {
		if b.issuers[name] != nil {
			continue
		}
		b.issuers[name] = &trusted{verifier: was.verifier, revoked: b.revoked, keys: was.keys, fresh: was.fresh, usable: was.usable}
	}
}

// checkIssuers asks that the issuers lie within the settings, and that none is
// missing that the same process has published before.
func (a *Authority) checkIssuers(last *bundle, generation int, list []sdk.IssuerTrust) *BundleError {
	if len(list) == 0 {
		return refusef(BundleEmpty, "it has no issuers: publish nothing until there is one")
	}
	there := make(map[string]bool, len(a.settings.Issuers))
	for _, i := range list {
		switch {
		case !slices.Contains(a.settings.Issuers, i.Issuer):
			return refusef(BundleIssuerOutside, "issuer %q is not one of this auth's issuers", clip(i.Issuer))
		case there[i.Issuer]:
			return refusef(BundleIssuerRepeated, "issuer %q stands there twice", i.Issuer)
		}
		there[i.Issuer] = true
		if at := outside(i.Audiences, a.settings.Audiences); at >= 0 {
			return refusef(BundleAudienceOutside, "issuer %q: audience %q is not one of this auth's audiences", i.Issuer, clip(i.Audiences[at]))
		}
		if at := outside(i.Algs, a.settings.Algs); at >= 0 {
			return refusef(BundleAlgOutside, "issuer %q: alg %q is not one of this auth's algs", i.Issuer, clip(i.Algs[at]))
		}
	}
	if last == nil || generation != last.generation {
		return nil
	}
	for _, i := range last.from.Issuers {
		if !there[i.Issuer] {
			return refusef(BundleIssuerGone, "issuer %q is gone: publish its last good keys with the times they are good for", i.Issuer)
		}
	}
	return nil
}

// outside gives the place of the first that is not among the allowed, or -1.
func outside(list, allowed []string) int {
	return slices.IndexFunc(list, func(s string) bool { return !slices.Contains(allowed, s) })
}

// earliest gives the earliest of first and of the others that are set.
func earliest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}
