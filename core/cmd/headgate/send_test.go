package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
)

const zmqTLSConfig = `
[[ingress]]
name = "edge"
listen = "tcp://127.0.0.1:0"
tls = { cert = "cert.pem", key = "key.pem", client_ca = "cert.pem" }
[replies]
listen = "tcp://127.0.0.1:0"
[[auth]]
name = "edge-keys"
kind = "hmac"
keys = "dir:keys"
[[channels]]
name = "telemetry"
class = "telemetry"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "all"
type = ["**"]
channels = ["telemetry"]
`

// TestSendTriesOnceMoreWhenToldTo: 401 with Retry-After is tried once more, as for a
// key that is being rotated; without it never.
func TestSendTriesOnceMoreWhenToldTo(t *testing.T) {
	for _, c := range []struct {
		name     string
		after    string
		good     int // the answer that is good, from 1; 0 for none
		status   int
		requests int
	}{
		{"the key has come", "1", 2, http.StatusAccepted, 2},
		{"it does not come", "1", 0, http.StatusUnauthorized, 2},
		{"not told to", "", 2, http.StatusUnauthorized, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if requests++; requests == c.good {
					w.WriteHeader(http.StatusAccepted)
					return
				}
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.WriteHeader(http.StatusUnauthorized)
			}))
			p := &producer{to: s.URL, client: s.Client(), retries: 5, key: signingKey{token: func(context.Context) (string, error) { return "t", nil }}}
			got, err := p.one(t.Context(), "e-1", []byte("{}"))
			s.Close()
			if err != nil || got.status != c.status || requests != c.requests {
				t.Errorf("%d after %d requests, %v; want %d after %d", got.status, requests, err, c.status, c.requests)
			}
		})
	}
}

// TestSendOverZeroMQWithTLS: the door proves itself by its certificate, and the
// producer by its own.
func TestSendOverZeroMQWithTLS(t *testing.T) {
	dir := shortDir(t)
	selfSigned(t, dir)
	if err := newKey(filepath.Join(dir, "keys"), config.Key{ID: "k1", Principal: "edge", State: "active", Sources: []string{"**"}, Types: []string{"**"}}); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse([]byte(zmqTLSConfig), "headgate.toml", dir, config.Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	router, err := core.New(t.Context(), cfg, core.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	top, err := router.Top(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	send := func(args ...string) (code int, out, errors string) {
		var stdout, stderr bytes.Buffer
		args = append([]string{"send", "--zmq", top.Doors[0].Address, "--key", filepath.Join(dir, "keys", "k1.toml"), "--type", "com.example.order", "--id", "order-1"}, args...)
		code = run(ctx, args, streams{in: strings.NewReader(""), out: &stdout, err: &stderr})
		return code, stdout.String(), stderr.String()
	}
	if code, out, errs := send("--ca", cert, "--client-cert", cert, "--client-key", key); code != exitFine || out != "202 queued order-1\n" {
		t.Errorf("got %d %s%s", code, out, errs)
	}
	if code, _, errs := send("--ca", os.DevNull); code != exitBad || !strings.Contains(errs, "no certificate in it") {
		t.Errorf("got %d %s", code, errs)
	}
	// A certificate of nobody's CA is not taken, and the log says so.
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var log watched
	log.found = giveUp
	code := run(ctx, []string{"send", "--zmq", top.Doors[0].Address, "--key", filepath.Join(dir, "keys", "k1.toml"), "--type", "com.example.order", "--tls"},
		streams{in: strings.NewReader(""), out: &log, err: &log})
	if code != exitBad || strings.Contains(log.String(), "202 queued") {
		t.Errorf("got %d %s", code, &log)
	}
}

// watched is a log that is waited on until it names an unknown authority.
type watched struct {
	tail
	found func()
}

func (w *watched) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "unknown authority") {
		w.found()
	}
	return w.tail.Write(p)
}
