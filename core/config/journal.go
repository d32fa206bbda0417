package config

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

// journal checks [journal].
func (k *checker) journal() {
	if c := k.c.Journal.Capacity; c > 0 && c < leastBytes {
		k.bad("journal.capacity", "%v must be at least %v, or 0B for the engine's own", c, Size(leastBytes))
	}
}
