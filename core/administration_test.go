package core_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
)

// TestARouterIsWatchedOverHTTP: health and metrics for everybody, the rest by a
// token, which may change while it runs.
func TestARouterIsWatchedOverHTTP(t *testing.T) {
	file := filepath.Join(t.TempDir(), "watch.token")
	first, second := strings.Repeat("a", 40), strings.Repeat("b", 40)
	if err := os.WriteFile(file, []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := quickstart(t, "[data]", `[admin]
http = "127.0.0.1:0"
[[admin.tokens]]
name = "watch"
secret = "file:`+file+`"
role = "read"
[data]`)
	c, err := core.New(t.Context(), cfg, core.Options{Version: "v1", Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	ask := func(path, token string) (int, string) {
		req, err := http.NewRequest("GET", "http://"+c.AdminAddress()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	for path, want := range map[string]string{
		"/livez":   `{"live":true}`,
		"/readyz":  `{"ready":true}`,
		"/metrics": `headgate_intake_refused_total{code="forbidden",ingress="edge"} 0`,
	} {
		if status, text := ask(path, ""); status != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if _, text := ask("/metrics", ""); !strings.Contains(text, `headgate_build_info{version="v1"} 1`) || !strings.Contains(text, "headgate_ready 1") || !strings.Contains(text, `headgate_log_lines_left_out_total{part="intake"} 0`) {
		t.Errorf("metrics are %s", text)
	}
	for token, want := range map[string]int{"": 401, first: 200, second: 401} {
		if status, _ := ask("/v1/top", token); status != want {
			t.Errorf("%.3s: %d, want %d", token, status, want)
		}
	}
	if err := os.WriteFile(file, []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		before, _ := ask("/v1/top", first)
		after, _ := ask("/v1/top", second)
		if before == 401 && after == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the token that changed: %d, and %d", before, after)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}
