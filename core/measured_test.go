package core_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
)

// TestWhatWaitsAndWhatIsShedIsMeasured: the age of the oldest event, and requests that
// are refused unread.
func TestWhatWaitsAndWhatIsShedIsMeasured(t *testing.T) {
	r := newReloading(t)
	if at := r.channel("a").Oldest; !at.IsZero() {
		t.Errorf("nothing waits, and that since %v", at)
	}
	before := time.Now()
	id := r.wantStatus("a.x", 202)
	first := r.channel("a").Oldest
	if first.Before(before.Add(-time.Second)) || first.After(time.Now().Add(time.Second)) {
		t.Errorf("the oldest waits since %v, and was sent after %v", first, before)
	}
	r.wantStatus("a.x", 202)
	if at := r.channel("a").Oldest; !at.Equal(first) {
		t.Errorf("the oldest waits since %v, %v before", at, first)
	}
	r.consume("a")
	r.await(id, "a")
	for end := time.Now().Add(20 * time.Second); !r.channel("a").Oldest.IsZero(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("all is done, and %v is the oldest", r.channel("a").Oldest)
		}
	}

	r.write("[data]", "[limits]\nadmission = \"1/s\"\n[data]")
	r.reload(admin.Reload{})
	shed := 0
	for shed == 0 {
		if _, status := r.send("a.x"); status == 503 {
			shed++
		}
	}
	metrics := r.scrape()
	for _, want := range []string{
		`headgate_intake_shed_total{bound="admission",ingress="edge"} 1`,
		`headgate_intake_shed_total{bound="requests",ingress="edge"} 0`,
		`headgate_channel_oldest_pending_seconds{channel="a"} `,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("there is no %s in:\n%s", want, metrics)
		}
	}
}

// TestADuplicateIsNotRoutedAgain: a route's events are those that were accepted.
func TestADuplicateIsNotRoutedAgain(t *testing.T) {
	r := newReloading(t)
	r.wantStatus("a.x", 202)
	r.n-- // the same once more
	r.wantStatus("a.x", 200)
	if metrics := r.scrape(); !strings.Contains(metrics, `headgate_route_events_total{route="ra"} 1`+"\n") {
		t.Errorf("one event was accepted once, and the metrics say\n%s", metrics)
	}
}

// scrape gives the metrics as they are now.
func (r *reloading) scrape() string {
	r.Helper()
	resp, err := http.Get("http://" + r.AdminAddress() + "/metrics")
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return string(text)
}
