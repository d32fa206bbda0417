package admin_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestRequestsAreBounded in what they say, and in what they leave open.
func TestRequestsAreBounded(t *testing.T) {
	r := start(t, nil)
	req, err := http.NewRequest("GET", "http://"+r.server.Address()+"/livez", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X", strings.Repeat("x", 32<<10))
	if resp, err := r.http.Do(req); err == nil { // else it was cut while it was still speaking
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("large headers: %d", resp.StatusCode)
		}
	}
	for name, body := range map[string]string{
		"too large": `{"verb":"pause","why":"` + strings.Repeat("x", 5<<20) + `"}`,
		"no JSON":   `pause`,
		"empty":     ``,
		"unknown":   `{"verb":"pause","why":"w","force":true}`,
	} {
		if status, _, text := r.ask("POST", "/v1/acts", body, bearer(operateSecret)); status != 400 {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if did := r.router.done(); len(did) != 0 {
		t.Errorf("did %q", did)
	}
}

// TestOldProtocolsNameNobody: without a Host header nothing is answered.
func TestOldProtocolsNameNobody(t *testing.T) {
	r := start(t, nil)
	for request, want := range map[string]string{
		"GET /metrics HTTP/1.0\r\n\r\n":                                       "421",
		"GET /metrics HTTP/1.1\r\n\r\n":                                       "400",
		"GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n": "421",
	} {
		c, err := net.Dial("tcp", r.server.Address())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		status, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || !strings.Contains(status, want) {
			t.Errorf("%q: %q, %v", request, status, err)
		}
		_ = c.Close()
	}
}

// TestWithoutHTTP there is the unix socket alone.
func TestWithoutHTTP(t *testing.T) {
	r := start(t, func(o *admin.Options) { o.HTTP, o.Auditor, o.Decisions = nil, nil, nil })
	client := admin.NewClient(r.socket)
	if r.server.Address() != "" {
		t.Errorf("listens at %s", r.server.Address())
	}
	if _, err := client.Act(t.Context(), admin.Act{Verb: admin.Pause, Channel: "c", Why: "w"}); err != nil {
		t.Error(err)
	}
	if err := client.Tail(t.Context(), admin.Tail{}, nil); err == nil || !strings.Contains(err.Error(), "shows no decisions") {
		t.Errorf("got %v", err)
	}
}

// TestListsAreBounded by the router, whoever asks.
func TestListsAreBounded(t *testing.T) {
	r := start(t, nil)
	for query, want := range map[string]int{"": 200, "limit=10000": 200, "limit=10001": 400, "limit=99999999999999999999": 400, "limit=-1": 400, "limit=x": 400, "after=7": 200, "after=x": 400} {
		if status, _, text := r.ask("GET", "/v1/events?"+query, "", bearer(readSecret)); status != want {
			t.Errorf("%s: %d %s, want %d", query, status, text, want)
		}
	}
	client := admin.NewClient(r.socket)
	if _, err := client.Events(t.Context(), outbox.Filter{Limit: admin.MaxList + 1}); !errors.Is(err, admin.ErrBad) || !strings.Contains(err.Error(), "page with after") {
		t.Errorf("over the unix socket: %v", err)
	}
}

// TestProfilesAreBounded: while one is taken nobody else gets one.
func TestProfilesAreBounded(t *testing.T) {
	r := start(t, nil)
	for _, path := range []string{"profile", "trace", "heap", "goroutine"} {
		for _, seconds := range []string{"241", "1e9", "99999999999", "Inf", "NaN"} {
			if status, _, text := r.ask("GET", "/debug/pprof/"+path+"?seconds="+seconds, "", bearer(operateSecret)); status != 400 || !strings.Contains(text, "240 seconds at most") {
				t.Errorf("%s for %s seconds: %d %s", path, seconds, status, text)
			}
		}
	}
}
