package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func TestParseAnswer(t *testing.T) {
	const head = "HTTP/1.1 202 Accepted\r\ncontent-LENGTH:  2\r\n\r\n"
	for _, test := range []struct {
		text         string
		want         answer
		whole, fails bool
	}{
		{text: ""},
		{text: "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n"},
		{text: head + "{"},
		{text: head + "{}", want: answer{accepted: 1}, whole: true},
		{text: "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", want: answer{refused: 1}, whole: true},
		{text: "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n" + `{"results":[{"status_code":202},{"status_code":503}]}       `, want: answer{1, 1}, whole: true},
		{text: "HTTP/1.1 202 Accepted\r\nContent-Length: x\r\n\r\n", fails: true},
		{text: "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n", fails: true},
		{text: "HTTP\r\n\r\n", fails: true},
	} {
		got, whole, err := parseAnswer([]byte(test.text))
		if got != test.want || whole != test.whole || (err != nil) != test.fails {
			t.Errorf("parseAnswer(%q) = %v, %v, %v", test.text, got, whole, err)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{\"status_code\":202}  "))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, whole, err := parseAnswer(text)
		if a.accepted < 0 || a.refused < 0 || whole && err != nil {
			t.Errorf("parseAnswer(%q) = %v, %v, %v", text, a, whole, err)
		}
	})
}

// TestShots shows that what is fired is what net/http reads and the floor accepts.
func TestShots(t *testing.T) {
	secret := webhook.NewSecret()
	signer, err := webhook.NewHMACSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 3} {
		s := newShots(order{requests: 2, batch: batch, kind: commanded, keyID: keyID, signer: signer})
		seen := map[string]bool{}
		for i := range s.len() {
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(s.at(i))))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			texts := [][]byte{body}
			if batch > 1 {
				if texts, err = sdk.SplitBatch(body, batch); err != nil {
					t.Fatal(err)
				}
			}
			for _, text := range texts {
				e, err := sdk.ParseEvent(text)
				if err != nil || len(text) != eventBytes {
					t.Fatalf("event of %d bytes: %v", len(text), err)
				}
				seen[e.ID] = true
			}
			for secret, want := range map[string]int{string(secret): http.StatusAccepted, string(webhook.NewSecret()): http.StatusUnauthorized} {
				r.Body = io.NopCloser(bytes.NewReader(body))
				w := httptest.NewRecorder()
				floor([]byte(secret))(w, r)
				if w.Code != want {
					t.Errorf("the floor answers %d, want %d", w.Code, want)
				}
			}
		}
		if len(seen) != 2*batch {
			t.Errorf("%d different ids in %d events", len(seen), 2*batch)
		}
	}
}

func TestFire(t *testing.T) {
	secret := webhook.NewSecret()
	signer, err := webhook.NewHMACSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(floor(secret))
	defer server.Close()
	s := newShots(order{requests: 50, batch: 1, kind: commanded, keyID: keyID, signer: signer})
	v, err := fire(t.Context(), server.Listener.Addr().String(), s, 4, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if v.accepted != 50 || v.refused != 0 || len(v.sorted) != 50 {
		t.Errorf("fired 50: %d accepted, %d refused, %d times", v.accepted, v.refused, len(v.sorted))
	}
}
