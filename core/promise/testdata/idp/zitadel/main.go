// Zitadel is an OpenID Provider that nobody here wrote, for a router's tests:
// the example of github.com/zitadel/oidc, with JWTs for client credentials and
// with signing keys that change.
//
//	zitadel '{"audiences":["api://headgate"]}'
//
// Its client is sid1 with the secret verysecret. It prints {"issuer":URL} on a
// line of its own, answers each line on stdin with a line, and ends with stdin:
//
//	{"announce":n}   publishes n more keys, which nothing is signed with yet
//	{"rotate":true}  signs with the next of them, or with a new one; the old stay
//	{"drop":true}    takes away those that were in use before
//	{}               tells the keys: {"kids":[published],"signing":kid,"fetched":times}
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

type settings struct {
	Audiences []string `json:"audiences"`
}

type order struct {
	Announce int  `json:"announce"`
	Rotate   bool `json:"rotate"`
	Drop     bool `json:"drop"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: zitadel SETTINGS")
	}
	var s settings
	if err := json.Unmarshal([]byte(args[0]), &s); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	keys, err := newRing()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + l.Addr().String()
	provider := exampleop.SetupServer(issuer, &store{Storage: storage.NewStorage(storage.NewUserStore(issuer)), keys: keys, audiences: s.Audiences},
		slog.New(slog.DiscardHandler), false)
	var fetched atomic.Int64 // how often the keys were
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			fetched.Add(1)
		}
		provider.ServeHTTP(w, r)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	defer func() { _ = server.Close(); <-served }()
	answers := json.NewEncoder(out)
	if err := answers.Encode(map[string]any{"issuer": issuer}); err != nil {
		return err
	}
	for orders := json.NewDecoder(in); ; {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("order: %w", err)
		}
		if err := keys.follow(o); err != nil {
			return err
		}
		kids, signing := keys.names()
		if err := answers.Encode(map[string]any{"kids": kids, "signing": signing, "fetched": fetched.Load()}); err != nil {
			return err
		}
	}
}
