package route

import (
	"strings"

	"github.com/headgate-io/headgate/sdk"
)

// node is a place in the index: a trie over the segments of types, at whose
// leaves stand tries over the segments of sources, at whose leaves stand
// routes. What a look-up costs depends on the segments of the event and the
// wildcards along its way, not on the number of routes.
//
// A route with n types and m sources takes n*m leaves.
type node struct {
	exact map[string]*node
	one   *node // `*`
	end   *node // where a glob that ends here leads: to the next trie, or to a leaf
	rest  *node // the same for one that ends here with `**`

	routes []int // of a leaf
}

// path is one value to be taken apart, and what stands between its segments.
type path struct{ text, separator string }

// add makes the way of g from n and returns where it leads.
func (n *node) add(g sdk.Glob) *node {
	segments, rest := g.Segments()
	for _, s := range segments {
		if s == "*" {
			n = child(&n.one)
			continue
		}
		next := n.exact[s]
		if next == nil {
			if n.exact == nil {
				n.exact = make(map[string]*node)
			}
			next = new(node)
			n.exact[s] = next
		}
		n = next
	}
	if rest {
		return child(&n.rest)
	}
	return child(&n.end)
}

// child returns *n, made if there is none yet.
func child(n **node) *node {
	if *n == nil {
		*n = new(node)
	}
	return *n
}

// find appends to found the routes whose globs fit all of paths; a route may
// come several times.
func (n *node) find(paths []path, found []int) []int {
	if len(paths) == 0 {
		return append(found, n.routes...)
	}
	return n.walk(paths[0].text, paths, found)
}

// walk is find with text for what is left of the first path.
func (n *node) walk(text string, paths []path, found []int) []int {
	if n.rest != nil {
		found = n.rest.find(paths[1:], found)
	}
	segment, left, more := strings.Cut(text, paths[0].separator)
	for _, next := range [...]*node{n.exact[segment], n.one} {
		switch {
		case next == nil:
		case more:
			found = next.walk(left, paths, found)
		case next.end != nil:
			found = next.end.find(paths[1:], found)
		}
	}
	return found
}
