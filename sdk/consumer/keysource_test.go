package consumer_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

func keySet(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(delivery.NewKeys(public(routerKey), public(otherKey)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestKeysFromFileReadsItEachTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	source := consumer.KeysFromFile(path)
	for _, c := range []struct {
		text string
		keys int
	}{
		{keySet(t), 2},
		{`{"keys":[]}`, 0},
		{keySet(t) + strings.Repeat(" ", 256<<10), 0},
		{keySet(t), 2},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := source.Keys(t.Context())
		if len(keys) != c.keys || (err == nil) != (c.keys > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
	}
}

func TestKeysFromURL(t *testing.T) {
	set := keySet(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(set)) })
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(set + strings.Repeat(" ", 256<<10)))
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) })
	mux.HandleFunc("/error", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(set))
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for _, c := range []struct{ url, err string }{
		{server.URL + "/good", ""},
		{server.URL + "/large", "over 256 KiB"},
		{server.URL + "/moved", "302"},
		{server.URL + "/error", "500"},
		{server.URL + "/none", "404"},
		{strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/good", "over https"},
		{"http://192.0.2.1/good", "over https"},
		{"http://0.0.0.0/good", "over https"},
		{"ftp://127.0.0.1/good", "over https"},
		{"https:///good", "over https"},
		{"", "over https"},
		{"http://operator:pass%zz@127.0.0.1/", "cannot be read"},
		{"http://operator:pass@192.0.2.1/", "operator:xxxxx"},
	} {
		keys, err := consumer.KeysFromURL(c.url).Keys(t.Context())
		switch {
		case c.err == "" && (err != nil || len(keys) != 2):
			t.Errorf("%s: %d keys, %v", c.url, len(keys), err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, want %s", c.url, err, c.err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := consumer.KeysFromURL(server.URL + "/slow").Keys(ctx); err == nil {
		t.Error("no end with its context")
	}
}

func TestKeysFromURLWantsATrustedServer(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	if _, err := consumer.KeysFromURL(server.URL).Keys(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate nobody signed: %v", err)
	}
}
