package core_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// rulesToExplain has a key for shops, one for banks, a revoked one and a
// device's, whose private half the router does not hold.
const rulesToExplain = `
[[ingress]]
name = "edge"
listen = "http://127.0.0.1:0"
max_body = "1KiB"
[[auth]]
name = "edge-keys"
kind = "hmac"
[[auth.keys]]
id = "shop"
principal = "shop"
secret = "env:SHOP"
sources = ["//shop.example/**"]
types = ["com.example.**"]
[[auth.keys]]
id = "bank"
principal = "bank"
secret = "env:BANK"
sources = ["//bank.example/**"]
types = ["com.example.**"]
scopes = ["orders:write"]
[[auth.keys]]
id = "gone"
principal = "shop"
state = "revoked"
[[auth]]
name = "device-keys"
kind = "ed25519"
[[auth.keys]]
id = "device"
principal = "device"
public = "%s"
sources = ["**"]
types = ["**"]
scopes = ["orders:write"]
[[channels]]
name = "commands"
class = "command"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["commands"]
[[routes]]
name = "refunds"
type = ["com.example.order.refunded"]
require = { scopes = ["orders:write"] }
schema = "refund.json"
channels = ["commands"]
`

func explained(t *testing.T, body, keyID string) (*core.Explanation, error) {
	t.Helper()
	secret := func(n byte) string { return webhook.FormatSecret(bytes.Repeat([]byte{n}, webhook.MinSecret)) }
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "refund.json"), []byte(`{"required":["amount"],"type":"object"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(rulesToExplain, webhook.FormatPublic(webhook.NewKey().Public().(ed25519.PublicKey)))
	cfg, err := config.Parse([]byte(text), "headgate.toml", dir, config.Options{Env: []string{"SHOP=" + secret(1), "BANK=" + secret(2)}})
	if err != nil {
		t.Fatal(err)
	}
	return core.Explain(t.Context(), cfg, []byte(body), core.Asking{KeyID: keyID})
}

func eventOf(source, kind, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"e-1","source":%q,"type":%q,"data":%s}`, source, kind, data)
}

func TestExplain(t *testing.T) {
	const shop, bank = "//shop.example/till", "//bank.example/desk"
	const created, refunded = "com.example.order.created", "com.example.order.refunded"
	tests := []struct {
		name, body, key string
		verdict         string            // "" for taken
		keys            map[string]string // by key id
	}{
		{"taken by who may", eventOf(shop, created, "1"), "", "",
			map[string]string{"shop": "", "bank": "forbidden source_not_granted", "gone": "unauthenticated key_revoked", "device": ""}},
		{"refused by one key", eventOf(shop, created, "1"), "bank", "forbidden source_not_granted", map[string]string{"bank": "forbidden source_not_granted"}},
		{"one requirement of several routes", eventOf(shop, refunded, `{"amount":1}`), "shop", "forbidden scope_missing", map[string]string{"shop": "forbidden scope_missing"}},
		{"a schema, told by who is entitled", eventOf(bank, refunded, `{}`), "", "schema refunds",
			map[string]string{"shop": "forbidden source_not_granted", "bank": "schema refunds", "gone": "unauthenticated key_revoked", "device": "schema refunds"}},
		{"no route, whatever the key", eventOf(shop, "com.example.other", "1"), "", "no_route ", nil},
		{"not an event", `{"id":"e-1","id":"e-2"}`, "", "malformed strict_reading", nil},
		{"nothing", ``, "", "malformed strict_reading", nil},
		{"over every door's bound", eventOf(shop, created, `"`+strings.Repeat("x", 1024)+`"`), "", "too_large over max_body of every ingress", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, err := explained(t, tt.body, tt.key)
			if err != nil {
				t.Fatal(err)
			}
			if got := said(x.Refusal); got != tt.verdict {
				t.Errorf("verdict is %q, want %q", got, tt.verdict)
			}
			if len(x.Keys) != len(tt.keys) {
				t.Errorf("%d keys, want %d", len(x.Keys), len(tt.keys))
			}
			for _, k := range x.Keys {
				if got := said(k.Refusal); got != tt.keys[k.ID] {
					t.Errorf("key %s: %q, want %q", k.ID, got, tt.keys[k.ID])
				}
			}
		})
	}
}

func said(r *core.Refusal) string {
	if r == nil {
		return ""
	}
	return r.Code + " " + r.Reason
}

func TestExplainUnknownKey(t *testing.T) {
	if _, err := explained(t, eventOf("a", "b", "1"), "nobody"); err == nil || !strings.Contains(err.Error(), `key "nobody"`) {
		t.Errorf("got %v", err)
	}
}
