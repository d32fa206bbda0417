package config

import "time"

// The bounds of an engine where the file sets none. The embedded engine keeps
// events on disk and some 32 bytes of each in memory; the other one keeps all.
const (
	embeddedIDs   = 50_000_000
	memoryIDs     = 1_000_000
	embeddedBytes = 4 << 30
	memoryBytes   = 256 << 20
	// leastBytes is room for one event of any size that a door lets in by default.
	leastBytes = 64 << 10
)

// Embedded tells whether the store is on disk.
func (j *Journal) Embedded() bool { return j.Engine == "embedded" }

// IDs is how many identities are remembered at most.
func (j *Journal) IDs() int {
	switch {
	case j.MaxIDs > 0:
		return j.MaxIDs
	case j.Embedded():
		return embeddedIDs
	}
	return memoryIDs
}

// Bytes is how many bytes of events are held at most.
func (j *Journal) Bytes() Size {
	switch {
	case j.Capacity > 0:
		return j.Capacity
	case j.Embedded():
		return embeddedBytes
	}
	return memoryBytes
}

// maxLeeway is the most by which the clock of an issuer may be ahead.
const maxLeeway = 2 * time.Minute

// journal checks [journal].
func (k *checker) journal() {
	if c := k.c.Journal.Capacity; c > 0 && c < leastBytes {
		k.bad("journal.capacity", "%v must be at least %v, or 0B for the engine's own", c, Size(leastBytes))
	}
	for i := range k.c.Auth {
		a := &k.c.Auth[i]
		if least := a.MaxToken + Duration(maxLeeway+ReplayWindow); a.OfTokens() && k.c.Journal.Remember < least {
			k.hint("journal.remember", "or lower max_token_lifetime", "%v must be at least %v: a request with a token of auth %q can be sent again for so long", k.c.Journal.Remember, least, a.Name)
		}
	}
}
