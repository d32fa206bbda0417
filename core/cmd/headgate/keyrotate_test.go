package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
)

func TestSuccessorsAreNumbered(t *testing.T) {
	cfg := &config.Config{Auth: []config.Auth{{Keys: []config.Key{{ID: "edge-1"}, {ID: "edge-2", State: "revoked"}, {ID: "shop"}}}, {Keys: []config.Key{{ID: "till-9"}, {ID: "till-10"}}}}}
	for id, want := range map[string]string{"edge-1": "edge-3", "edge-2": "edge-3", "shop": "shop-2", "till-9": "till-11", "x-": "x--2", "a-b": "a-b-2", "7": "7-2"} {
		if got := successor(cfg, id); got != want {
			t.Errorf("%s becomes %s, want %s", id, got, want)
		}
	}
}

// A rotation is three steps, each of which the file tells from the one before.
func TestDeliveryKeysWalk(t *testing.T) {
	const lead, validity = 10 * time.Minute, 2 * time.Hour
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	roles := func(keys []datadir.SigningKey) string {
		var out []string
		for _, k := range keys {
			out = append(out, fmt.Sprintf("%c:%s", 'a'+k.Private[0]%26, k.Role))
		}
		return strings.Join(out, " ")
	}
	keys := step{what: "publish"}.take(nil, now)
	keys[0].Role, keys[0].Since = "", time.Time{} // as a new data directory has it
	first := keys[0].Private
	for range 2 {
		for _, want := range []struct {
			what string
			due  time.Duration
			keys int
		}{{"publish", 0, 2}, {"sign", lead, 2}, {"drop", validity + expirySlack, 1}} {
			s, err := nextStep(keys, lead, validity)
			if err != nil || s.what != want.what || want.due > 0 && !s.due.Equal(now.Add(want.due)) {
				t.Fatalf("%s: next is %+v, %v; want %s", roles(keys), s, err, want.what)
			}
			signs := keys[0].Private
			now = now.Add(want.due)
			keys = s.take(keys, now)
			if len(keys) != want.keys || keys[0].Private.Equal(signs) == (want.what == "sign") {
				t.Fatalf("after %s: %s", s.what, roles(keys))
			}
			text, err := datadir.FormatKeys(keys)
			if err != nil {
				t.Fatal(err)
			}
			if keys, err = datadir.ParseKeys(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if keys[0].Private.Equal(first) || keys[0].Role != datadir.Signs {
		t.Errorf("at the end: %s", roles(keys))
	}
	keys = append(keys, datadir.SigningKey{Private: first})
	if _, err := nextStep(keys, lead, validity); err == nil || !strings.Contains(err.Error(), "key 2 of the file does not say") {
		t.Errorf("a key without a role: %v", err)
	}
}
