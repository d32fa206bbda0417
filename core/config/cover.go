package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk"
)

// covers tells that everything that fits b fits a.
type covers func(a, b string) bool

// exceeds tells that something of list is covered by none of others.
func exceeds(list, others []string, c covers) bool {
	known := make(map[string]bool, len(others)) // long lists differ little
	for _, a := range others {
		known[a] = true
	}
	return slices.ContainsFunc(list, func(b string) bool {
		return !known[b] && !slices.ContainsFunc(others, func(a string) bool { return c(a, b) })
	})
}

// list is the value of a key with one or many.
func list(p part) []string {
	switch {
	case !p.there():
		return nil
	case p.value.Kind() == reflect.String:
		return []string{p.value.String()}
	}
	out := make([]string, p.value.Len())
	for i := range out {
		out[i] = fmt.Sprint(p.value.Index(i).Interface())
	}
	return out
}

func same(a, b string) bool { return a == b }

// beginnings covers the beginnings of types.
func beginnings(a, b string) bool { return strings.HasPrefix(b, a) }

// prefixes covers ranges of addresses.
func prefixes(a, b string) bool {
	p, errA := netip.ParsePrefix(a)
	q, errB := netip.ParsePrefix(b)
	return errA == nil && errB == nil && p.Bits() <= q.Bits() && p.Contains(q.Addr())
}

func types(a, b string) bool { return globs(a, b, sdk.TypeSeparator) }

func sources(a, b string) bool { return globs(a, b, sdk.SourceSeparator) }

// globs covers strings of segments: `*` in a covers any one segment of b, and its
// `**` all that goes on.
func globs(a, b, separator string) bool {
	wide, errA := sdk.ParseGlob(a, separator)
	narrow, errB := sdk.ParseGlob(b, separator)
	if errA != nil || errB != nil {
		return false
	}
	w, anyRest := wide.Segments()
	n, rest := narrow.Segments()
	if len(n) < len(w) || !anyRest && (rest || len(n) > len(w)) || anyRest && !rest && len(n) == len(w) {
		return false
	}
	for i := range w {
		if w[i] != "*" && w[i] != n[i] {
			return false
		}
	}
	return true
}
