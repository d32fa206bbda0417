package delivery_test

import (
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
)

const someLease = "AAAAAAAAAAAAAAAAAAAAAA"

func reply(rest string) string {
	return `{"id":"1","source":"/a","lease":"` + someLease + `",` + rest + `}`
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

func FuzzParseHeader(f *testing.F) {
	f.Add(batch(f, 1)[0][1])
	f.Fuzz(func(t *testing.T, frame []byte) { _, _ = delivery.ParseHeader(frame) })
}
