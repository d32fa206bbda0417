package promise_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/webhook"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// secretsConfig shows and logs as much as a router can.
const secretsConfig = oneChannel + `
[[transforms]]
name = "tag"
plugin = "jq"
config = { filter = ". + {tagged: true}" }
[[routes]]
name = "tagged"
type = ["com.example.tagged.*"]
channels = ["orders"]
transforms = ["tag"]
[audit]
export = ["file:elsewhere"]
checkpoint = "1s"
[admin]
http = "127.0.0.1:0"
[[admin.tokens]]
name = "ops"
secret = "file:token"
role = "operate"
`

// Nothing that proves, and nothing that events hold, is in what a router writes for
// operators and auditors: its log, the audit log and its checkpoints, the metrics.
func TestNoSecretIsWritten(t *testing.T) {
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const adminToken = "planted-admin-token-0123456789abcdef"
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte(adminToken), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HEADGATE_LOG__LEVEL", "debug")
	r := newRouterIn(t, dir, secretsConfig)
	planted := map[string]string{"admin token": adminToken}
	plant := func(what, text string) string {
		if len(text) < 8 {
			t.Fatalf("%s is too short to be looked for: %q", what, text)
		}
		planted[what] = text
		return text
	}

	key, err := os.ReadFile(filepath.Join(dir, "keys", keyID+".toml"))
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(string(key), "whsec_")
	plant("secret of a key", secret[:24])
	for _, name := range []string{"delivery.key", "audit.key"} {
		text, err := os.ReadFile(filepath.Join(dir, "data", name))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		plant(name, strings.TrimSpace(lines[len(lines)-2]))
	}

	post := func(id string, change func(*http.Request), body []byte) {
		t.Helper()
		req, err := r.edge.request(t.Context(), "application/cloudevents+json", id, body, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(req)
		}
		plant("signature of "+id, strings.TrimPrefix(req.Header.Get(webhook.HeaderSignature), "v1,"))
		resp, err := r.edge.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	payload := func(id string) []byte {
		return bytes.Replace(order("tagged.x", id, ""), []byte("<"+id+">"), []byte(plant("payload of "+id, "planted-payload-"+id)), 1)
	}
	post("good", nil, payload("good"))
	post("twice", nil, payload("twice"))
	post("twice", nil, payload("twice"))
	post("forged", func(req *http.Request) {
		req.Header.Set(webhook.HeaderSignature, "v1,cGxhbnRlZC1mb3JnZWQtc2lnbmF0dXJlLTAwMDAwMDA=")
	}, payload("forged"))
	post("malformed", nil, []byte(`{"specversion":"1.0","id":"malformed","planted-payload-malformed":1}`))
	plant("malformed event", "planted-payload-malformed")
	post("nowhere", nil, bytes.Replace(payload("nowhere"), []byte("tagged.x"), []byte("unknown.x"), 1))
	post("bearer", func(req *http.Request) {
		req.Header.Del(webhook.HeaderSignature)
		req.Header.Set("Authorization", "Bearer eyJhbGciOiJFUzI1NiJ9."+plant("token", "cGxhbnRlZC10b2tlbi1wYXlsb2Fk")+".c2lnbmF0dXJlLXBsYW50ZWQ")
		req.Header.Set(webhook.HeaderSignature, "v1,"+plant("second credential", "c2Vjb25kLWNyZWRlbnRpYWwtcGxhbnRlZA=="))
	}, payload("bearer"))

	leases := make(chan string, 16)
	r.take(taking{channel: "orders"}, func(_ context.Context, d *delivery.Delivery) (any, error) {
		leases <- d.Header.Lease
		if d.Event.ID == "twice" {
			return nil, consumer.Failed("planned")
		}
		return map[string]string{"result": "planted-result-of-work"}, nil
	})
	plant("result", "planted-result-of-work")
	for range 2 {
		select {
		case lease := <-leases:
			plant("lease "+lease[:4], lease)
		case <-time.After(patience):
			t.Fatal("no delivery comes")
		}
	}
	r.drained()
	push := zmq.NewPush(zmq.Options{})
	if err := push.Connect(r.top.Replies.Address); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- push.Run(ctx) }()
	bad := fmt.Sprintf(`{"id":"good","source":%q,"lease":%q,"status":"done"}`, source, plant("made-up lease", "plantedplantedplanted0"))
	r.eventually("a bad reply is refused", func() bool {
		for _, p := range push.Peers() {
			p.Send([][]byte{[]byte(bad)})
		}
		return r.now().Replies.Bad > 0
	})
	cancel()
	<-ended

	metrics := ""
	for _, token := range []string{adminToken, plant("wrong admin token", "wrong-admin-token-planted-000000000")} {
		for _, path := range []string{"/metrics", "/v1/top", "/v1/events"} {
			req, err := http.NewRequest(http.MethodGet, "http://"+r.adminHTTP()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := r.edge.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			metrics += string(text)
		}
	}
	r.stop()

	written := map[string]string{"log": r.log.String(), "metrics and views": metrics}
	files, err := filepath.Glob(filepath.Join(dir, "data", "audit", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, filepath.Join(dir, "elsewhere")) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		written[name] = string(text)
	}
	for where, text := range written {
		if len(text) == 0 {
			t.Errorf("%s is empty: nothing could be found there", where)
		}
		for what, secret := range planted {
			if strings.Contains(text, secret) {
				t.Errorf("LEAKED: the %s is in the %s", what, where)
			}
		}
	}
	if !strings.Contains(written["log"], "signature_mismatch") || !strings.Contains(metrics, "headgate_") {
		t.Error("what was to be refused and counted was not")
	}
	proved(t, "%d secrets and payloads, in none of %d places", len(planted), len(written))
}

// adminHTTP is where the router's own HTTP for operators is.
func (r *router) adminHTTP() string {
	r.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "headgate.toml"))
	if err != nil {
		r.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "[admin]\nhttp = \"")
	address, _, _ := strings.Cut(rest, "\"")
	if !found {
		r.Fatal("the configuration has no [admin] http")
	}
	return address
}
