package trust

import "time"

// AuthorityFact is what may be told about an authority.
type AuthorityFact struct {
	Name        string         `json:"name"`
	Generation  int            `json:"generation"` // of the last good bundle, as all up to Revocations; 0 before the first
	Version     uint64         `json:"version"`
	TakenAt     time.Time      `json:"taken_at,omitzero"`
	FetchedAt   time.Time      `json:"fetched_at,omitzero"`
	Revocations int            `json:"revocations"`
	Issuers     []IssuerFact   `json:"issuers"` // all that are configured
	Refused     *RefusedBundle `json:"refused,omitempty"`
}

// IssuerFact is what may be told about one issuer.
type IssuerFact struct {
	Issuer      string    `json:"issuer"`
	State       string    `json:"state"` // TrustFresh, TrustStale, TrustDead or TrustNone
	Keys        []string  `json:"keys,omitempty"`
	FreshUntil  time.Time `json:"fresh_until,omitzero"`
	UsableUntil time.Time `json:"usable_until,omitzero"`
}

// RefusedBundle is a bundle that the gate did not take, and no newer one was.
type RefusedBundle struct {
	At         time.Time `json:"at"`
	Generation int       `json:"generation"`
	Version    uint64    `json:"version"`
	Reason     string    `json:"reason"` // as in BundleError
	Detail     string    `json:"detail"`
}

// Fact tells where the authority stands at now.
func (a *Authority) Fact(now time.Time) AuthorityFact {
	a.gate.Lock()
	b, refused := a.bundle.Load(), a.refused
	a.gate.Unlock()
	f := AuthorityFact{Name: a.settings.Name, Refused: refused}
	if b != nil {
		f.Generation, f.Version, f.Revocations = b.generation, b.from.Version, len(b.revoked)
		f.TakenAt, f.FetchedAt = b.taken.UTC(), b.from.FetchedAt.UTC()
	}
	for _, name := range a.settings.Issuers {
		i := IssuerFact{Issuer: name, State: TrustNone}
		if b != nil && b.issuers[name] != nil {
			t := b.issuers[name]
			i.State, i.Keys, i.FreshUntil, i.UsableUntil = t.state(now), t.keys, t.fresh.UTC(), t.usable.wall.UTC()
		}
		f.Issuers = append(f.Issuers, i)
	}
	return f
}
