package trust_test

import (
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func TestLastUse(t *testing.T) {
	uses := new(trust.Uses)
	build := func(shared *trust.Uses) *trust.Snapshot {
		s, err := trust.New(trust.Rules{Uses: shared, Auths: []trust.Auth{{Name: "a", Kind: trust.KindHMAC, Keys: []trust.Key{
			{ID: "busy", Principal: "p", State: trust.StateActive, Material: secret(1)},
			{ID: "idle", Principal: "p", State: trust.StateActive, Material: secret(2)},
			{ID: "pending", Principal: "p", State: trust.StatePending, Material: secret(3)},
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	last := func(s *trust.Snapshot, i int) time.Time { return s.Keys()[i].LastUsed }
	try := func(s *trust.Snapshot, id string, n byte, at time.Time) {
		c := credential(id, hmacSigner(t, n))
		c.Timestamp = []string{webhook.Timestamp(at)}
		c.Signature = []string{hmacSigner(t, n).Sign("evt-1", at, body)}
		_, _ = s.Authenticate(c, at)
	}
	s := build(uses)
	if !last(s, 0).IsZero() {
		t.Errorf("used before it was: %v", last(s, 0))
	}
	try(s, "busy", 1, now)
	try(s, "busy", 1, now.Add(1500*time.Millisecond))
	try(s, "idle", 1, now)    // not by its holder
	try(s, "pending", 3, now) // not taken
	if got := last(s, 0); !got.Equal(now.Add(time.Second)) {
		t.Errorf("got %v", got)
	}
	if !last(s, 1).IsZero() || !last(s, 2).IsZero() {
		t.Errorf("used by who was refused: %+v", s.Keys())
	}
	if got := last(build(uses), 0); !got.Equal(now.Add(time.Second)) {
		t.Errorf("forgotten by the next snapshot: %v", got)
	}
	if got := last(build(nil), 0); !got.IsZero() {
		t.Errorf("shared without being asked: %v", got)
	}
}
