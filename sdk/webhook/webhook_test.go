package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/webhook"
)

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"a":                            true,
		"AZaz09_-":                     true,
		strings.Repeat("x", 128):       true,
		"":                             false,
		strings.Repeat("x", 129):       false,
		"a.b":                          false,
		"a b":                          false,
		"a\n":                          false,
		"a/b":                          false,
		"a:b":                          false,
		"a@b":                          false,
		"a[b":                          false,
		"a`b":                          false,
		"a{b":                          false,
		"é":                            false,
		"a\x00":                        false,
		"evt_1,evt_2":                  false,
		strings.Repeat("x", 127) + ".": false,
	} {
		if got := webhook.ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v, want %v", id, got, want)
		}
	}
}

func TestValidTimestamp(t *testing.T) {
	for ts, want := range map[string]bool{
		"1767225600":  true,
		"9999999999":  true,
		"1000000000":  true,
		"":            false,
		"0767225600":  false,
		"+767225600":  false,
		"-767225600":  false,
		"+1767225600": false,
		"01767225600": false,
		"176722560":   false,
		"17672256000": false,
		"1767225600 ": false,
		"176722560.":  false,
		"17672256e2":  false,
		"176722560\n": false,
		"１７６７":        false,
	} {
		if got := webhook.ValidTimestamp(ts); got != want {
			t.Errorf("ValidTimestamp(%q) = %v, want %v", ts, got, want)
		}
	}
}

func TestContent(t *testing.T) {
	at := time.Unix(1767225600, 999)
	if got := string(webhook.Content("id-1", webhook.Timestamp(at), []byte("a.b"))); got != "id-1.1767225600.a.b" {
		t.Errorf("Content: %q", got)
	}
	if got := string(webhook.GetBody("/v1/status?source=%2F%2Fa&id=b")); got != "GET /v1/status?source=%2F%2Fa&id=b" {
		t.Errorf("GetBody: %q", got)
	}
}
