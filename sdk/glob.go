package sdk

import (
	"fmt"
	"strings"
)

// Glob is a pattern over segments: `*` stands for exactly one segment and `**`,
// at the end only, for any rest with at least one segment. Everything else is
// itself, compared as bytes and never normalised.
type Glob struct {
	segments []string
	rest     bool
	sep      string
}

// Separators of the two things that globs are written for.
const (
	TypeSeparator   = "."
	SourceSeparator = "/"
)

// ParseGlob reads a pattern whose segments stand between sep.
func ParseGlob(pattern, sep string) (Glob, error) {
	if pattern == "" {
		return Glob{}, fmt.Errorf("glob is empty: write ** for anything")
	}
	segments := strings.Split(pattern, sep)
	g := Glob{sep: sep}
	for i, s := range segments {
		switch {
		case s == "**" && i == len(segments)-1:
			g.rest = true
			segments = segments[:i]
		case s == "**":
			return Glob{}, fmt.Errorf("glob %q: ** stands at the end only", pattern)
		case s != "*" && strings.Contains(s, "*"):
			return Glob{}, fmt.Errorf("glob %q: * stands for a whole segment between %q", pattern, sep)
		}
	}
	g.segments = segments
	return g, nil
}

// Segments gives the pattern's segments without a final `**`, and whether it had one.
func (g Glob) Segments() (segments []string, rest bool) { return g.segments, g.rest }

// Match reports whether s fits the pattern.
func (g Glob) Match(s string) bool {
	for i, want := range g.segments {
		got, more, found := strings.Cut(s, g.sep)
		if want != "*" && want != got {
			return false
		}
		if !found {
			return i == len(g.segments)-1 && !g.rest
		}
		if i == len(g.segments)-1 {
			return g.rest
		}
		s = more
	}
	return g.rest
}
