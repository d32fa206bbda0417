package zmq

import (
	"bytes"
	"slices"
)

// filter is a set of prefixes, each with a count, because subscriptions are
// not idempotent (RFC 29): two of a prefix need two cancellations.
type filter struct {
	sorted []subscription
	bytes  int // of all prefixes
}

type subscription struct {
	prefix []byte
	count  int
}

func (f *filter) find(prefix []byte) (int, bool) {
	return slices.BinarySearchFunc(f.sorted, prefix, func(s subscription, p []byte) int {
		return bytes.Compare(s.prefix, p)
	})
}

// add counts prefix once more and reports whether it is new.
func (f *filter) add(prefix []byte) bool {
	at, found := f.find(prefix)
	if found {
		f.sorted[at].count++
		return false
	}
	f.sorted = slices.Insert(f.sorted, at, subscription{prefix, 1})
	f.bytes += len(prefix)
	return true
}

// remove counts prefix once less and reports whether that was the last time.
// An unknown prefix is no error: there is nothing to cancel.
func (f *filter) remove(prefix []byte) bool {
	at, found := f.find(prefix)
	if !found {
		return false
	}
	f.sorted[at].count--
	if f.sorted[at].count > 0 {
		return false
	}
	f.bytes -= len(prefix)
	f.sorted = slices.Delete(f.sorted, at, at+1)
	return true
}

// match reports whether topic begins with one of the prefixes.
//
// What sorts between a prefix of topic and topic itself begins with that
// prefix as well. So the greatest entry up to topic either is a prefix, or
// every prefix lies within what the two have in common. The time is bounded
// by the topic's length, not by what a peer subscribed to.
func (f *filter) match(topic []byte) bool {
	for {
		at, found := f.find(topic)
		if found {
			return true
		}
		if at == 0 {
			return false
		}
		below := f.sorted[at-1].prefix
		if bytes.HasPrefix(topic, below) {
			return true
		}
		topic = topic[:common(topic, below)]
	}
}

// common returns the length of the longest common prefix.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
