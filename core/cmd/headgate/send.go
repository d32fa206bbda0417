package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/dsse"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// sending is what send was asked for.
type sending struct {
	to, zmq           string
	key, token        string
	eventKey          string // file
	eventKeyID        string
	bound             bool
	securing          securing
	event             string
	id, source, kind  string
	subject, data     string
	count, batch      int
	perSecond         float64
	parallel, retries int
	wait              int
	receipts          string
	json, quiet       bool
}

func (a *app) sendCommand() *cobra.Command {
	var s sending
	cmd := &cobra.Command{
		Use:   "send",
		Short: "Make, sign and send events, as an edge does",
		Long: `send makes an event, signs it with a key and sends it to the router, by HTTP
or by ZeroMQ.

Without --to, --zmq and --key it takes the first door and the first active hmac
key of the configuration. --event sends a CloudEvent of your own from a file.
--token shows a token (JWT) instead of signing with a key; --event-key has the
event itself signed, end to end, whichever of them proves the sender.

--wait ends well when the consumers of every event are done. An event whose end
does not come in time stays accepted: nothing is lost, and it goes on.`,
		Example: `  headgate send --type com.example.order.created --data '{"amount": 12.5}'
  headgate send --event order.json --wait 10
  headgate send --type com.example.reading.temp --data @reading.json --count 10000 --rate 500 --batch 100
  headgate send --type com.example.order.created --zmq tcp://events.example:5550 --curve-server KEY --curve-key till.curve --key till.toml`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return s.check() },
		RunE:    do(func(cmd *cobra.Command, _ []string) error { return a.send(cmd.Context(), s) }),
	}
	f := cmd.Flags()
	f.StringVar(&s.to, "to", "", "the router's door, as in https://events.example:8443")
	f.StringVar(&s.zmq, "zmq", "", "the router's ZeroMQ door, as in tcp://events.example:5550 or ipc:///run/headgate/in.sock")
	f.StringVar(&s.key, "key", "", "key `file` to sign with (hmac, or the private half of an ed25519 key)")
	f.StringVar(&s.token, "token", "", "`file` of a token (JWT), read anew for each try")
	f.StringVar(&s.eventKey, "event-key", "", "`file` of a private key, P-256 or Ed25519, to sign each event with: PEM (PKCS #8) or whsk_")
	f.StringVar(&s.eventKeyID, "event-key-id", "", "the `id` that this key has in [[event_keys]]")
	f.BoolVar(&s.bound, "bound", false, "the token is bound to the event key (cnf): show the public key with it")
	cmd.MarkFlagsMutuallyExclusive("key", "token")
	s.securing.flags(cmd)
	f.StringVar(&s.event, "event", "", "`file` of a structured CloudEvent, - for standard input, instead of --type, --id, --source, --subject and --data")
	f.StringVar(&s.id, "id", "", "the event's id; random when empty. With it the event has no time, so that the same command again is the same event")
	f.StringVar(&s.source, "source", "//headgate.local/send", "the event's source")
	f.StringVar(&s.kind, "type", "", "the event's type")
	f.StringVar(&s.subject, "subject", "", "the event's subject")
	f.StringVar(&s.data, "data", "", "the event's data: JSON, or @file, or @- for standard input")
	f.IntVar(&s.count, "count", 1, "how many events")
	f.IntVar(&s.batch, "batch", 1, "events per request")
	f.Float64Var(&s.perSecond, "rate", 0, "events per second at most; 0 for no limit")
	f.IntVar(&s.parallel, "parallel", 4, "requests at once")
	f.IntVar(&s.retries, "retries", 5, "further tries of a request that may be tried again")
	f.IntVar(&s.wait, "wait", 0, "seconds to wait for the end of each event, 25 at most; without one in time the exit code is 1")
	f.StringVar(&s.receipts, "receipts", "", "`directory` for the signed receipt of each event, ID.receipt: headgate audit receipt checks it")
	f.BoolVar(&s.json, "json", false, "print the router's answers as they are, one a line")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "print the summary alone")
	for _, part := range []string{"type", "id", "source", "subject", "data", "count", "batch"} {
		cmd.MarkFlagsMutuallyExclusive("event", part)
	}
	cmd.MarkFlagsOneRequired("event", "type")
	cmd.MarkFlagsMutuallyExclusive("wait", "batch") // a batch is answered at once
	cmd.MarkFlagsMutuallyExclusive("receipts", "zmq")
	_ = cmd.MarkFlagDirname("receipts")
	for _, part := range []string{"zmq", "tls", "curve-server", "curve-key"} {
		cmd.MarkFlagsMutuallyExclusive("to", part)
	}
	return cmd
}

// check tells flags that mean nothing without others.
func (s *sending) check() error {
	switch {
	case s.bound && (s.token == "" || s.eventKey == ""):
		return errors.New("--bound is of a token and an event key: say --token and --event-key")
	case s.eventKeyID != "" && s.eventKey == "":
		return errors.New("--event-key-id names the key that --event-key has in its FILE: say that one, too")
	}
	return nil
}

func (a *app) send(ctx context.Context, s sending) error {
	if s.receipts != "" { // else what was accepted would have none
		if err := os.MkdirAll(s.receipts, 0o755); err != nil {
			return fmt.Errorf("receipts: %w", err)
		}
	}
	var events *dsse.Signer
	if s.eventKey != "" {
		var err error
		if events, err = eventSignerOf(s.eventKey, s.eventKeyID); err != nil {
			return err
		}
	}
	p, stop, err := a.door(ctx, s, events)
	if err != nil {
		return err
	}
	defer stop()
	if s.event != "" {
		raw, err := a.readArg("@" + s.event)
		if err != nil {
			return err
		}
		e, err := sdk.ParseEvent(raw)
		if err != nil {
			return fmt.Errorf("event %s: %w", s.event, err)
		}
		if events != nil {
			if e, err = events.Sign(&e); err != nil {
				return err
			}
			raw = e.Raw
		}
		s.count, s.batch = 1, 1
		return a.sendAll(ctx, p, s, func(int) (string, []byte) { return e.ID, raw })
	}
	data, err := a.data(s.data)
	if err != nil {
		return err
	}
	base := s.id
	if base == "" {
		base = newID()
	}
	return a.sendAll(ctx, p, s, func(n int) (string, []byte) {
		id := base
		if s.count > 1 {
			id = fmt.Sprintf("%s-%d", base, n)
		}
		raw := newEvent(id, s, data)
		if events != nil {
			raw = signedEvent(events, raw)
		}
		return id, raw
	})
}

// signedEvent signs an event that newEvent made. One that cannot be read goes out
// as it is: the router says what is wrong with it.
func signedEvent(by *dsse.Signer, raw []byte) []byte {
	e, err := sdk.ParseEvent(raw)
	if err != nil {
		return raw
	}
	if e, err = by.Sign(&e); err != nil {
		return raw
	}
	return e.Raw
}

// door is the way to a router's door, HTTP or ZeroMQ, from flags or from the
// configuration. stop ends it.
func (a *app) door(ctx context.Context, s sending, events *dsse.Signer) (p poster, stop func(), err error) {
	var key signingKey
	if s.token != "" {
		if _, err := readToken(s.token); err != nil { // so that nobody waits for tries that cannot help
			return nil, nil, err
		}
		key = tokenOfFile(s.token)
	} else if s.key != "" {
		if key, err = keyOfFile(s.key); err != nil {
			return nil, nil, err
		}
	}
	to, known := cmp.Or(s.to, s.zmq), curve.Public{}
	if to == "" || key.signer == nil && key.token == nil {
		cfg, err := a.load(nil)
		if err != nil {
			return nil, nil, err
		}
		if key.signer == nil && key.token == nil {
			if key, err = keyOfConfig(cfg); err != nil {
				return nil, nil, err
			}
		}
		if to == "" {
			if len(cfg.Ingress) == 0 {
				return nil, nil, errors.New("the configuration has no [[ingress]]: say --to or --zmq")
			}
			in := &cfg.Ingress[0]
			to, known = in.Listen, serverKey(in.Curve)
			s.securing.tls = s.securing.tls || in.TLS != nil
		}
	}
	if s.zmq != "" || !strings.HasPrefix(to, "http") && s.to == "" {
		return a.zmqDoor(ctx, s, reachable(to), known, key, events)
	}
	return httpDoor(s, to, key, events)
}

func httpDoor(s sending, to string, key signingKey, events *dsse.Signer) (poster, func(), error) {
	if s.securing.server != "" || s.securing.key != "" {
		return nil, nil, errors.New("--curve-server and --curve-key are for a ZeroMQ door: say --zmq")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = s.parallel
	if s.securing.ca != "" || s.securing.clientCert != "" {
		var err error
		if transport.TLSClientConfig, err = core.ClientTLS(s.securing.ca, s.securing.clientCert, s.securing.clKey); err != nil {
			return nil, nil, err
		}
	}
	eventKey := ""
	if s.bound {
		public, err := json.Marshal(jwk.Key{Public: events.Public()})
		if err != nil {
			return nil, nil, fmt.Errorf("event key: %w", err)
		}
		eventKey = string(public)
	}
	return &producer{to: strings.TrimSuffix(to, "/"), key: key, eventKey: eventKey, retries: s.retries, wait: s.wait, receipt: s.receipts != "",
		client: &http.Client{Transport: transport, Timeout: time.Minute}}, transport.CloseIdleConnections, nil
}

// readArg reads @file or @-.
func (a *app) readArg(arg string) ([]byte, error) {
	if arg == "@-" {
		return io.ReadAll(a.in)
	}
	return os.ReadFile(strings.TrimPrefix(arg, "@"))
}

func (a *app) data(arg string) (json.RawMessage, error) {
	text := []byte(arg)
	if strings.HasPrefix(arg, "@") {
		var err error
		if text, err = a.readArg(arg); err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
	}
	if len(text) > 0 && !json.Valid(text) {
		return nil, errors.New("data is not JSON: quote a string, or give @file")
	}
	return text, nil
}

// newEvent makes a structured CloudEvent.
func newEvent(id string, s sending, data json.RawMessage) []byte {
	e := struct {
		SpecVersion string          `json:"specversion"`
		ID          string          `json:"id"`
		Source      string          `json:"source"`
		Type        string          `json:"type"`
		Subject     string          `json:"subject,omitempty"`
		Time        string          `json:"time,omitempty"`
		Data        json.RawMessage `json:"data,omitempty"`
	}{"1.0", id, s.source, s.kind, s.subject, "", data}
	if s.id == "" {
		e.Time = time.Now().UTC().Format(time.RFC3339Nano)
	}
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings, and data that was checked
	}
	return text
}

// tally counts answers by status and code.
type tally struct {
	done atomic.Int64

	mu     sync.Mutex
	counts map[string]int
	bad    int
}

// String lists the counts, most frequent word first in the alphabet.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Fprintf(&b, " %d %s", t.counts[what], what)
	}
	return b.String()
}

func (t *tally) add(what string, good bool) {
	t.done.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what]++
	if !good {
		t.bad++
	}
}

// sendAll posts every event, batched, in parallel, at the rate asked for.
func (a *app) sendAll(ctx context.Context, p poster, s sending, event func(n int) (id string, raw []byte)) error {
	limit := rate.NewLimiter(rate.Inf, 1)
	if s.perSecond > 0 {
		limit = rate.NewLimiter(rate.Limit(s.perSecond), max(s.batch, 1))
	}
	t := &tally{counts: make(map[string]int)}
	var print sync.Mutex
	stop := a.progress(s, t)
	defer stop()
	g, posting := errgroup.WithContext(ctx)
	g.SetLimit(max(s.parallel, 1))
	for n := 0; n < s.count && posting.Err() == nil; n += max(s.batch, 1) {
		size := min(max(s.batch, 1), s.count-n)
		if err := limit.WaitN(posting, size); err != nil {
			break
		}
		g.Go(func() error {
			results, err := postEvents(posting, p, n, size, s.batch > 1, event)
			if err != nil {
				return err
			}
			print.Lock()
			defer print.Unlock()
			for _, r := range results {
				t.add(r.what(), r.good() && (s.wait == 0 || r.State != ""))
				if err := s.keep(&r); err != nil {
					return err
				}
				switch {
				case s.json:
					a.printf("%s\n", r.Raw)
				case !s.quiet:
					a.printf("%d %s %s%s\n", r.StatusCode, r.what(), r.ID, r.note())
				}
			}
			return nil
		})
	}
	err := g.Wait()
	stop()
	if err == nil {
		err = ctx.Err()
	}
	if s.count > 1 {
		fmt.Fprintf(a.err, "%d sent:%s\n", t.done.Load(), t)
	}
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if s.wait > 0 {
		a.tellOpen(t)
	}
	if t.bad > 0 {
		return errSaid
	}
	return nil
}

// keep writes the receipt of an event, where one was wanted.
func (s *sending) keep(r *result) error {
	if s.receipts == "" || !r.good() {
		return nil
	}
	if r.Receipt == "" {
		return fmt.Errorf("%s: the router gives no receipt: only what is on its disk has one", r.ID)
	}
	path := filepath.Join(s.receipts, url.PathEscape(r.ID)+".receipt")
	if err := os.WriteFile(path, []byte(r.Receipt), 0o644); err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	return nil
}

// tellOpen says what became of the events whose end was not told in time.
func (a *app) tellOpen(t *tally) {
	for _, open := range []struct{ status, says string }{
		{"accepted", "accepted and still pending. Nothing is lost and nothing has to be sent again: headgate event show SOURCE ID tells how it ends"},
		{"queued", "queued, without an end in time: telemetry has none, and an outbox in memory may still hold it"},
		{"duplicate", "accepted before, and a duplicate is not told the end: headgate event show SOURCE ID tells it"},
	} {
		if n := t.counts[open.status]; n > 0 {
			fmt.Fprintf(a.err, "%s %s.\n", count(n, "event"), open.says)
		}
	}
}

// progress tells on standard error how far a long sending is.
func (a *app) progress(s sending, t *tally) (stop func()) {
	if s.count < 2 {
		return func() {}
	}
	done := make(chan struct{})
	var once sync.Once
	var ended sync.WaitGroup
	ended.Add(1)
	go func() {
		defer ended.Done()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for last := int64(0); ; {
			select {
			case <-done:
				return
			case <-tick.C:
				now := t.done.Load()
				fmt.Fprintf(a.err, "%d of %d sent, %d/s\n", now, s.count, now-last)
				last = now
			}
		}
	}()
	return func() { once.Do(func() { close(done); ended.Wait() }) }
}
