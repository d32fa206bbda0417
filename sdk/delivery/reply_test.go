package delivery_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
)

const someLease = "AAAAAAAAAAAAAAAAAAAAAA"

func reply(rest string) string {
	return `{"id":"1","source":"/a","lease":"` + someLease + `",` + rest + `}`
}

func TestParseReplies(t *testing.T) {
	for _, c := range []struct {
		name, frame string
		good        int
		bad         bool
	}{
		{"done", reply(`"status":"done"`), 1, false},
		{"done with result", reply(`"status":"done","result":{"n":1}`), 1, false},
		{"progress", reply(`"status":"progress"`), 1, false},
		{"retry", reply(`"status":"retry","retry_after":1.5`), 1, false},
		{"failed", reply(`"status":"failed","reason":"no such order"`), 1, false},
		{"goodbye alone", `{"goodbye":true}`, 1, false},
		{"goodbye with a lease", reply(`"goodbye":true`), 1, false},
		{"two", "[" + reply(`"status":"done"`) + "," + reply(`"status":"done"`) + "]", 2, false},
		{"one of two is bad", "[" + reply(`"status":"done"`) + "," + reply(`"status":"gone"`) + "]", 1, true},
		{"white space before an array", " \n[" + reply(`"status":"done"`) + "]", 1, false},
		{"member of a later version", reply(`"status":"done","later":1`), 1, false},

		{"no status", reply(`"x":1`), 0, true},
		{"another status", reply(`"status":"DONE"`), 0, true},
		{"no id", `{"source":"/a","lease":"` + someLease + `","status":"done"}`, 0, true},
		{"no lease", `{"id":"1","source":"/a","status":"done"}`, 0, true},
		{"lease too short", `{"id":"1","source":"/a","lease":"AAAA","status":"done"}`, 0, true},
		{"lease in standard base64", `{"id":"1","source":"/a","lease":"++++++++++++++++++++AA","status":"done"}`, 0, true},
		{"lease with stray bits", `{"id":"1","source":"/a","lease":"AAAAAAAAAAAAAAAAAAAAAB","status":"done"}`, 0, true},
		{"lease with a line break", `{"id":"1","source":"/a","lease":"AAAAAAAAAAAAAAAAAAAAAA\n","status":"done"}`, 0, true},
		{"negative wait", reply(`"status":"retry","retry_after":-1`), 0, true},
		{"empty array", `[]`, 0, true},
		{"nothing", ``, 0, true},
		{"text", `done`, 0, true},
		{"too many", "[" + strings.Repeat("{},", delivery.MaxReplies) + "{}]", 0, true},
	} {
		got, err := delivery.ParseReplies([]byte(c.frame))
		if len(got) != c.good || (err != nil) != c.bad {
			t.Errorf("%s: %d replies, %v", c.name, len(got), err)
		}
		if err != nil && !errors.Is(err, delivery.ErrReply) {
			t.Errorf("%s: error of no kind: %v", c.name, err)
		}
	}
}

func TestLargeResultGoesAndTheReplyStays(t *testing.T) {
	got, err := delivery.ParseReplies([]byte(reply(`"status":"done","result":"` + strings.Repeat("x", delivery.MaxResult) + `"`)))
	if err != nil || len(got) != 1 || got[0].Status != delivery.StatusDone || got[0].Result != nil || got[0].Reason == "" {
		t.Errorf("got %d replies, %v", len(got), err)
	}
}

func TestDelay(t *testing.T) {
	for seconds, want := range map[float64]time.Duration{0: 0, 1.5: 1500 * time.Millisecond, 86400: 24 * time.Hour, 1e300: 24 * time.Hour} {
		r := delivery.Reply{RetryAfter: seconds}
		if got := r.Delay(); got != want {
			t.Errorf("retry_after %v: got %v, want %v", seconds, got, want)
		}
	}
}

func TestLeaseBindsEveryPartOfItsGrant(t *testing.T) {
	base := delivery.Grant{Channel: "c", Seq: 1, Attempt: 2, Peer: "p"}
	lease := delivery.NewLeases(seed).Lease(base)
	if lease != delivery.NewLeases(seed).Lease(base) || len(lease) != 22 {
		t.Fatalf("lease is %q", lease)
	}
	for _, other := range []delivery.Grant{
		{Channel: "d", Seq: 1, Attempt: 2, Peer: "p"}, {Channel: "c", Seq: 12, Attempt: 2, Peer: "p"},
		{Channel: "c", Seq: 1, Attempt: 3, Peer: "p"}, {Channel: "c", Seq: 1, Attempt: 2, Peer: ""}, {Channel: "c1", Seq: 2, Attempt: 2, Peer: "p"},
	} {
		if delivery.NewLeases(seed).Lease(other) == lease {
			t.Errorf("%+v has the lease of %+v", other, base)
		}
	}
	if delivery.NewLeases([]byte("another key")).Lease(base) == lease {
		t.Error("another key gives the same lease")
	}
}

func FuzzParseReplies(f *testing.F) {
	f.Add([]byte(reply(`"status":"done"`)))
	f.Add([]byte(`[{"goodbye":true},{}]`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		got, err := delivery.ParseReplies(frame)
		if len(got) == 0 && err == nil {
			t.Fatal("neither reply nor error")
		}
		for _, r := range got {
			if d := r.Delay(); d < 0 || d > delivery.MaxRetryAfter {
				t.Fatalf("delay %v", d)
			}
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	f.Add(batch(f, 1)[0][1])
	f.Fuzz(func(t *testing.T, frame []byte) { _, _ = delivery.ParseHeader(frame) })
}
