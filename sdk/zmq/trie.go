package zmq

import (
	"bytes"
	"slices"
)

// trie is who subscribes to what: a radix tree over the prefixes of all
// subscribers. What a topic costs is bounded by its length and by who wants it,
// not by how many subscribe to what. The zero value is empty.
type trie struct{ root branch }

// branch is what follows one prefix.
type branch struct {
	edge     []byte    // from the branch above; empty for the root alone
	peers    []*Peer   // who subscribes to exactly what leads here
	branches []*branch // in the order of the first byte of their edges
}

// add notes that p wants what begins with prefix. It does so once.
func (t *trie) add(prefix []byte, p *Peer) {
	b := &t.root
	for len(prefix) > 0 {
		at, found := b.find(prefix[0])
		if !found {
			leaf := &branch{edge: bytes.Clone(prefix)}
			b.branches = slices.Insert(b.branches, at, leaf)
			b = leaf
			break
		}
		below := b.branches[at]
		n := common(below.edge, prefix)
		if n < len(below.edge) { // split the edge where the two part
			upper := &branch{edge: below.edge[:n:n], branches: []*branch{below}}
			below.edge = below.edge[n:]
			b.branches[at], below = upper, upper
		}
		b, prefix = below, prefix[n:]
	}
	b.peers = append(b.peers, p)
}

// remove forgets that p wants what begins with prefix, and what leads nowhere.
func (t *trie) remove(prefix []byte, p *Peer) { t.root.remove(prefix, p) }

func (b *branch) remove(prefix []byte, p *Peer) {
	if len(prefix) == 0 {
		if at := slices.Index(b.peers, p); at >= 0 {
			b.peers = slices.Delete(b.peers, at, at+1)
		}
		return
	}
	at, found := b.find(prefix[0])
	if !found || !bytes.HasPrefix(prefix, b.branches[at].edge) {
		return
	}
	below := b.branches[at]
	below.remove(prefix[len(below.edge):], p)
	switch {
	case len(below.peers) > 0 || len(below.branches) > 1:
	case len(below.branches) == 1: // nobody wants exactly this any more
		only := below.branches[0]
		only.edge = slices.Concat(below.edge, only.edge)
		b.branches[at] = only
	default:
		b.branches = slices.Delete(b.branches, at, at+1)
	}
}

// match visits who wants topic, once for each prefix.
func (t *trie) match(topic []byte, visit func(*Peer)) {
	for b := &t.root; ; {
		for _, p := range b.peers {
			visit(p)
		}
		if len(topic) == 0 {
			return
		}
		at, found := b.find(topic[0])
		if !found || !bytes.HasPrefix(topic, b.branches[at].edge) {
			return
		}
		b = b.branches[at]
		topic = topic[len(b.edge):]
	}
}

func (b *branch) find(first byte) (int, bool) {
	low, high := 0, len(b.branches)
	for low < high { // slices.BinarySearchFunc takes half as long again, and this is most of a Send
		at := (low + high) / 2
		if b.branches[at].edge[0] < first {
			low = at + 1
		} else {
			high = at
		}
	}
	return low, low < len(b.branches) && b.branches[low].edge[0] == first
}
