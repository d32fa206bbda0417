package zmq_test

import (
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/zmq"
)

func TestFilter(t *testing.T) {
	for _, c := range []struct{ prefixes, yes, no string }{
		{"", "", "a b"},
		{"a", "a ab a~", "b A"},
		{"a abc", "a ab abb abc abd", "b"},
		{"ab abcd b", "ab abc abcz b bz", "a ac c"},
		{"order.created order. order.zz", "order.created order.d order.x", "order orders"},
	} {
		var f zmq.Filter
		for p := range strings.FieldsSeq(c.prefixes) {
			f.Add([]byte(p))
		}
		for topic := range strings.FieldsSeq(c.yes) {
			if !f.Match([]byte(topic)) {
				t.Errorf("%q does not match %q", c.prefixes, topic)
			}
		}
		for topic := range strings.FieldsSeq(c.no) {
			if f.Match([]byte(topic)) {
				t.Errorf("%q matches %q", c.prefixes, topic)
			}
		}
	}
	var all zmq.Filter
	if all.Match(nil) || !all.Add(nil) || !all.Match(nil) || !all.Match([]byte("x")) {
		t.Error("the empty prefix matches everything")
	}
}

// A filter does what a list of prefixes would do. Input: a verb, a length and
// a prefix, over and over; each prefix is then matched as a topic, too.
func FuzzFilter(f *testing.F) {
	f.Add([]byte("\x01\x01a\x01\x02ab\x00\x01a\x01\x00\x00\x00"))
	f.Add([]byte("\x01\x03abc\x01\x03abc\x00\x03abc\x01\x02ab\x01\x04abcd\x00\x02ab"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), 300)] // the comparison takes quadratic time
		var filter zmq.Filter
		count := map[string]int{}
		for len(b) >= 2 {
			add, n := b[0]&1 == 1, min(int(b[1])%8, len(b)-2)
			prefix := b[2 : 2+n]
			b = b[2+n:]
			was := count[string(prefix)]
			if add {
				count[string(prefix)]++
				if filter.Add(prefix) != (was == 0) {
					t.Fatalf("add %q after %d", prefix, was)
				}
			} else {
				count[string(prefix)] = max(was-1, 0)
				if filter.Remove(prefix) != (was == 1) {
					t.Fatalf("remove %q after %d", prefix, was)
				}
			}
			size, want := 0, map[string]bool{}
			for p, n := range count {
				if n == 0 {
					continue
				}
				size += len(p)
				for topic := range count {
					want[topic] = want[topic] || strings.HasPrefix(topic, p)
				}
			}
			if filter.Bytes() != size {
				t.Fatalf("%d bytes, want %d", filter.Bytes(), size)
			}
			for topic := range count {
				if filter.Match([]byte(topic)) != want[topic] {
					t.Fatalf("match %q: want %t", topic, want[topic])
				}
			}
		}
	})
}
