package dsse

import (
	"crypto/sha256"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// coreDigest is CORE_DIGEST of the specification. It fails for a time that
// nobody could have signed.
func coreDigest(e *sdk.Event) ([sha256.Size]byte, bool) {
	at, ok := canonicalTime(e.Time)
	h := make(digests, 0, 9)
	for _, s := range [...]string{e.ID, e.Source, e.SpecVersion, e.Type, e.DataContentType, e.DataSchema, e.Subject, at} {
		h.add([]byte(s))
	}
	h.add(e.Data)
	return h.sum(), ok
}

// extDigest is EXT_DIGEST: over the values of the named extensions, in the
// order of the names. One that is absent counts as empty.
func extDigest(e *sdk.Event, names []string) [sha256.Size]byte {
	h := make(digests, 0, len(names))
	for _, name := range names {
		value, _ := e.Extension(name)
		h.add([]byte(value))
	}
	return h.sum()
}

// digests are SHA-256 of parts, so that no part can reach into another.
type digests [][sha256.Size]byte

func (d *digests) add(part []byte) { *d = append(*d, sha256.Sum256(part)) }

func (d digests) sum() [sha256.Size]byte {
	b := make([]byte, 0, len(d)*sha256.Size)
	for _, one := range d {
		b = append(b, one[:]...)
	}
	return sha256.Sum256(b)
}

// exactTime is RFC 3339, section 5.6, in capitals. Package time is laxer.
var exactTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// canonicalTime gives a time as it is signed: in UTC and cut to whole seconds,
// RFC 3339; empty for an absent one. It fails for what is not RFC 3339 to the
// letter, for leap seconds, and for what lies outside the years 1 to 9999,
// there or in UTC: languages differ in these.
func canonicalTime(text string) (string, bool) {
	if text == "" {
		return "", true
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1 || !exactTime.MatchString(text) {
		return "", false
	}
	t = t.UTC()
	return t.Format("2006-01-02T15:04:05Z"), 1 <= t.Year() && t.Year() <= 9999
}

// signable reports whether names can be signed: names of extensions, none of
// them twice, and not the signature's own.
func signable(names []string) bool {
	for i, name := range names {
		if !isExtension(name) || name == Attribute || slices.Contains(names[:i], name) {
			return false
		}
	}
	return len(names) > 0
}

// isExtension reports whether an extension can have that name (CloudEvents
// 1.0.2, section 3; no core attribute, and not the data).
func isExtension(name string) bool {
	switch name {
	case "", "id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "data":
		return false
	}
	return len(name) <= 20 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
