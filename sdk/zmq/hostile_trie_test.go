package zmq_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// pick is one subscription of one subscriber.
type pick struct {
	prefix string
	who    int
}

// The trie does what a list of all subscriptions would, and holds no more than
// they need.
func TestTrieIsASetOfPrefixes(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 30
	}
	for round := range rounds {
		rnd := rand.New(rand.NewPCG(seed, uint64(round)))
		var trie zmq.Trie
		naive := map[pick]bool{}
		word := func() string { // few letters, so that much is shared
			b := make([]byte, rnd.IntN(7))
			for i := range b {
				b[i] = "ab\x00\xff"[rnd.IntN(2+round%3)]
			}
			return strings.Repeat(string(b), 1+rnd.IntN(2))
		}
		for step := range 300 {
			p := pick{word(), rnd.IntN(4)}
			switch {
			case rnd.IntN(5) < 3 && !naive[p]: // add does so once: the filter of the peer counts
				trie.Add(p.prefix, p.who)
				naive[p] = true
			case naive[p]:
				trie.Remove(p.prefix, p.who)
				delete(naive, p)
			default: // what is not there
				trie.Remove(p.prefix, p.who)
			}
			topic := word() + word()
			want := map[int]int{}
			for p := range naive {
				if strings.HasPrefix(topic, p.prefix) {
					want[p.who]++
				}
			}
			if got := trie.Match(topic); !maps.Equal(got, want) {
				t.Fatalf("round %d, step %d: %q matches %v, not %v, of %s", round, step, topic, got, want, fmt.Sprint(naive))
			}
			// Every branch ends a subscription or parts two: fewer than two for
			// each, and each subscription itself.
			if n := trie.Count(); n > 3*len(naive) {
				t.Fatalf("round %d, step %d: %d branches for %d subscriptions", round, step, n, len(naive))
			}
		}
		for p := range naive {
			trie.Remove(p.prefix, p.who)
		}
		if n := trie.Count(); n != 0 {
			t.Fatalf("round %d: %d branches are left of nothing", round, n)
		}
	}
}
