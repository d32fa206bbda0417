package core_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/receipt"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// TestReceipts: who asks for one gets it with the acceptance, and again with a
// duplicate; it says what was accepted, and when, and its key is published.
func TestReceipts(t *testing.T) {
	r := newReloading(t)
	var keys delivery.Keys
	if err := json.Unmarshal(r.top().Keys, &keys); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	post := func(kind, id, prefer string) (status int, text string) {
		t.Helper()
		body := fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"//shop","type":%q,"data":{}}`, id, kind)
		now := time.Now()
		req, err := http.NewRequest(http.MethodPost, r.top().Doors[0].Address+"/v1/events", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Content-Type": "application/cloudevents+json", webhook.HeaderKeyID: "k1", webhook.HeaderID: id,
			webhook.HeaderTimestamp: webhook.Timestamp(now), webhook.HeaderSignature: r.signer.Sign(id, now, body), "Prefer": prefer} {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct{ Receipt string }
		if err := json.Unmarshal(answer, &doc); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, doc.Receipt
	}
	status, text := post("a.x", "e1", "return=receipt")
	got, err := receipt.Open([]byte(text), keys)
	if status != 202 || err != nil {
		t.Fatalf("%d, %v: %s", status, err, text)
	}
	e, err := sdk.ParseEvent([]byte(`{"specversion":"1.0","id":"e1","source":"//shop","type":"a.x","data":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != "e1" || got.Source != "//shop" || got.Digest != receipt.Digest(e.Digest()) || got.Seq == 0 || got.Accepted.Before(began) || got.Principal.Subject != "edge" {
		t.Errorf("it says %+v", got)
	}
	status, again := post("a.x", "e1", `wait=0, Return="Receipt"`)
	second, err := receipt.Open([]byte(again), keys)
	if status != 200 || err != nil || *second != *got {
		t.Errorf("the duplicate's: %d, %v: %s", status, err, again)
	}
	if _, text := post("a.x", "e2", "wait=0"); text != "" {
		t.Errorf("nobody asked for %s", text)
	}
	if status, text := post("w.x", "e3", "return=receipt"); status != 202 || text != "" {
		t.Errorf("telemetry is kept nowhere: %d %s", status, text)
	}
	if strings.Contains(r.log.String(), text) {
		t.Error("the receipt is in the log")
	}
}
