package promise_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// capture is a request as somebody on the way has kept it.
type capture struct {
	header http.Header
	body   []byte
}

func (r *router) capture(id, more string, at time.Time) capture {
	r.Helper()
	body := marked("order.created", id, "", more)
	req, err := r.edge.request(r.Context(), "application/cloudevents+json", id, body, at)
	if err != nil {
		r.Fatal(err)
	}
	return capture{req.Header, body}
}

// replay sends it once more, byte for byte, with headers that are not signed.
func (r *router) replay(c capture, prefer string) (status int, header http.Header, body string) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.edge.url+"/v1/events", bytes.NewReader(c.body))
	if err != nil {
		r.Error(err)
		return 0, nil, ""
	}
	req.Header = c.header.Clone()
	if prefer != "" {
		req.Header.Set("Prefer", prefer)
	}
	resp, err := r.edge.client.Do(req)
	if err != nil {
		r.Error(err)
		return 0, nil, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Error(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

// D15: a captured request is accepted once. Its replays change nothing, and
// learn nothing of what became of it.
func TestD15ReplaysChangeAndLearnNothing(t *testing.T) {
	r := newRouter(t, oneChannel)
	l := newLedger(t)
	c := r.capture("captured", "", time.Now())
	replays := 10 * turns(10)
	answers := make([]string, replays)
	each(replays, 16, func(i int) {
		status, _, body := r.replay(c, "")
		answers[i] = fmt.Sprintf("%d %s", status, body)
	})
	first := `202 {"id":"captured","source":"` + source + `","status":"accepted"}`
	again := `200 {"id":"captured","source":"` + source + `","status":"duplicate"}`
	count := make(map[string]int)
	for _, a := range answers {
		count[strings.TrimSpace(a)]++
	}
	if count[first] != 1 || count[again] != replays-1 {
		t.Errorf("%d at once: %v", replays, count)
	}
	l.accept("captured")

	r.take(taking{channel: "orders"}, func(_ context.Context, d *delivery.Delivery) (any, error) {
		l.act(l.see(d))
		return map[string]string{"account": "of the customer"}, nil
	})
	r.eventually("it is done", func() bool { return r.event("captured").State == outbox.StateDone })
	r.onlyDuplicates(c, replays, again, "when it is done")
	r.crash()
	r.onlyDuplicates(c, replays, again, "after kill -9")
	r.stop()
	r.start()
	r.onlyDuplicates(c, replays, again, "after SIGTERM")
	r.outsideTheWindow()
	if n := r.now().Intake.Accepted; n != 0 {
		t.Errorf("%d were accepted", n)
	}
	if seen := l.seen[leg{"orders", "captured"}]; len(seen) != 1 || len(l.seen) != 1 {
		t.Errorf("deliveries are %v", l.seen)
	}
	l.balance(r, never)
	proved(t, "%d replays: accepted once", 4*replays)
}

// onlyDuplicates wants the same answer to every replay, waited for or not.
func (r *router) onlyDuplicates(c capture, replays int, want, when string) {
	r.Helper()
	each(replays, 16, func(i int) {
		prefer := ""
		if i%2 == 0 {
			prefer = "wait=25"
		}
		status, header, body := r.replay(c, prefer)
		if got := fmt.Sprintf("%d %s", status, strings.TrimSpace(body)); got != want || header.Get("Preference-Applied") != "" {
			r.Errorf("%s: %s %v", when, got, header)
		}
	})
}

// outsideTheWindow sends what was signed too early or too late, of an event that
// is there and of one that is not. All of it is refused as a wrong signature is.
func (r *router) outsideTheWindow() {
	r.Helper()
	wrong := r.capture("captured", "", time.Now())
	wrong.header.Set(webhook.HeaderSignature, "v1,"+strings.Repeat("A", 43)+"=")
	want := r.refusal(wrong)
	for _, off := range []time.Duration{-400 * time.Second, -24 * time.Hour, 400 * time.Second, 24 * time.Hour} {
		for _, id := range []string{"captured", "unknown"} {
			if got := r.refusal(r.capture(id, "", time.Now().Add(off))); got != want {
				r.Errorf("%s, signed %v from now: %s, and a wrong signature gets %s", id, off, got, want)
			}
		}
	}
}

// refusal gives what a request is told, without the id that it is given.
func (r *router) refusal(c capture) string {
	r.Helper()
	status, header, body := r.replay(c, "wait=25")
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		r.Errorf("%s: %v", body, err)
	}
	delete(doc, "request_id")
	text, err := json.Marshal(doc)
	if err != nil {
		r.Error(err)
	}
	if status != http.StatusUnauthorized || doc["code"] != "unauthenticated" {
		r.Errorf("%d %s, want 401 unauthenticated", status, body)
	}
	return fmt.Sprintf("%d %s, Retry-After %q", status, text, header.Get("Retry-After"))
}
