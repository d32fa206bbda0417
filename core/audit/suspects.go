package audit

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// maxSuspects is how many explanations of what is wrong are followed at a time:
// each altered record makes two, and a signed root leaves the true one.
const maxSuspects = 8

// suspect is one explanation of what broken links mean: the tree as it was
// written, if these records were altered since and no others.
type suspect struct {
	tree edge
	bad  []int64 // rising
}

// forced reports whether the explanation says that record n is altered.
func (s *suspect) forced(n int64) bool { return len(s.bad) > 0 && s.bad[len(s.bad)-1] == n }

// suspects are the explanations that are possible. Where a line's hash is not
// what the next line says, one of the two is altered: what was written is a tree
// with either the one or the other hash, and the next signed root tells which.
type suspects []suspect

// add grows the trees by the line of record n. claim is the hash that it had when
// it was written, as far as another place tells.
func (s suspects) add(n int64, hash tlog.Hash, claim *tlog.Hash) suspects {
	if claim == nil || *claim == hash {
		if claim != nil && slices.ContainsFunc(s, func(x suspect) bool { return !x.forced(n) }) {
			s = slices.DeleteFunc(s, func(x suspect) bool { return x.forced(n) })
		}
		for i := range s {
			s[i].tree.add(hash)
		}
		return s
	}
	grown := make(suspects, 0, 2*len(s))
	for i := range s {
		altered := suspect{s[i].tree, slices.Clone(s[i].bad)}
		if !altered.forced(n) {
			altered.bad = append(altered.bad, n)
		}
		altered.tree.add(*claim)
		grown = append(grown, altered)
	}
	for i := range s {
		if !s[i].forced(n) { // or the next one is, that says so
			s[i].tree.add(hash)
			grown = append(grown, suspect{s[i].tree, append(s[i].bad, n+1)})
		}
	}
	return grown[:min(len(grown), maxSuspects)]
}

// replace grows the trees by a record that is known to be altered, and of which
// another place tells the hash.
func (s suspects) replace(claim tlog.Hash) {
	for i := range s {
		s[i].tree.add(claim)
	}
}

// holding are those whose tree has this root.
func (s suspects) holding(root tlog.Hash) (kept suspects) {
	for i := range s {
		if s[i].tree.root() == root {
			kept = append(kept, s[i])
		}
	}
	return kept
}

// likely is the explanation with the fewest bad records.
func (s suspects) likely() *suspect {
	best := &s[0]
	for i := range s {
		if len(s[i].bad) < len(best.bad) {
			best = &s[i]
		}
	}
	return best
}
