package promise_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/webhook"
)

// edge signs and posts events, as a producer does.
type edge struct {
	url    string
	key    string // empty for keyID
	signer *webhook.Signer
	client *http.Client
}

func newEdge(t *testing.T, url string, s *webhook.Signer) *edge {
	transport := &http.Transport{MaxIdleConnsPerHost: 1024}
	t.Cleanup(transport.CloseIdleConnections)
	return &edge{url: url, signer: s, client: &http.Client{Transport: transport, Timeout: patience}}
}

// answer is what the router said of one event.
type answer struct {
	HTTP       int
	ID         string `json:"id"`
	StatusCode int    `json:"status_code"` // in a batch
	Status     any    `json:"status"`      // accepted, queued, duplicate; a number in a problem
	Code       string `json:"code"`
	Results    []answer
	RetryAfter string
	Body       []byte
}

// says gives status and word: "202 accepted", "200 duplicate", "503 disk_full".
func (a answer) says() string {
	status, word := a.HTTP, a.Code
	if a.StatusCode != 0 {
		status = a.StatusCode
	}
	if text, ok := a.Status.(string); ok {
		word = text
	}
	return fmt.Sprintf("%d %s", status, word)
}

const (
	accepted  = "202 accepted"
	duplicate = "200 duplicate"
)

// order is an event. kind is the last segment of its type; subject is its order
// key, empty for none.
func order(kind, id, subject string) []byte { return marked(kind, id, subject, "") }

// marked is an event with more members, which begin with a comma.
func marked(kind, id, subject, more string) []byte {
	if subject != "" {
		more = fmt.Sprintf(`,"subject":%q`, subject) + more
	}
	return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":%q,"type":"com.example.%s"%s,"data":{"mark":"<%s>"}}`, id, source, kind, more, id)
}

// request makes a signed request.
func (e *edge) request(ctx context.Context, contentType, id string, body []byte, at time.Time) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set(webhook.HeaderKeyID, cmp.Or(e.key, keyID))
	req.Header.Set(webhook.HeaderID, id)
	req.Header.Set(webhook.HeaderTimestamp, webhook.Timestamp(at))
	req.Header.Set(webhook.HeaderSignature, e.signer.Sign(id, at, body))
	return req, nil
}

// post sends one event once.
func (e *edge) post(ctx context.Context, id string, event []byte) (answer, error) {
	req, err := e.request(ctx, "application/cloudevents+json", id, event, time.Now())
	if err != nil {
		return answer{}, err
	}
	return e.do(req)
}

func (e *edge) do(req *http.Request) (answer, error) {
	resp, err := e.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{HTTP: resp.StatusCode, RetryAfter: resp.Header.Get("Retry-After"), Body: text}
	return a, json.Unmarshal(text, &a)
}

// batch sends several events at once and gives what was said of each.
func (e *edge) batch(ctx context.Context, id string, events [][]byte) ([]answer, error) {
	body := append(append([]byte("["), bytes.Join(events, []byte(","))...), ']')
	req, err := e.request(ctx, "application/cloudevents-batch+json", id, body, time.Now())
	if err != nil {
		return nil, err
	}
	a, err := e.do(req)
	if err == nil && a.HTTP != http.StatusOK {
		err = fmt.Errorf("batch: %s", a.says())
	}
	return a.Results, err
}

// retryPause is the wait between two tries of one event.
const retryPause = 10 * time.Millisecond

// insist sends an event until the router has it: the answer is accepted, or
// duplicate after a try that got no answer.
func (e *edge) insist(ctx context.Context, id string, event []byte) (answer, error) {
	for lost := false; ; {
		a, err := e.post(ctx, id, event)
		switch {
		case ctx.Err() != nil:
			return answer{}, ctx.Err()
		case err != nil, a.HTTP == http.StatusServiceUnavailable, a.HTTP == http.StatusTooManyRequests:
			lost = true // a 503 may hide a commit whose end is not known
		case a.says() == accepted, lost && a.says() == duplicate:
			return a, nil
		default:
			return a, fmt.Errorf("%s: %s", id, a.Body)
		}
		time.Sleep(retryPause)
	}
}

// each calls f for 0 to n-1 from several goroutines at once and waits for all.
func each(n, atOnce int, f func(i int)) {
	var going sync.WaitGroup
	var next atomic.Int64
	for range min(atOnce, n) {
		going.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	going.Wait()
}

// load is producers that send until they are told to stop.
type load struct {
	stop   chan struct{}
	going  sync.WaitGroup
	halted sync.Once
}

// produce starts so many producers. Each calls next for its n-th event, counted
// from 0, and insists on it.
func (r *router) produce(l *ledger, producers int, pace time.Duration, next func(producer, n int) (id string, event []byte)) *load {
	p := &load{stop: make(chan struct{})}
	for producer := range producers {
		p.going.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-p.stop:
					return
				case <-time.After(pace):
				}
				id, event := next(producer, n)
				if _, err := r.edge.insist(r.Context(), id, event); err != nil {
					r.Errorf("send: %v", err)
					return
				}
				l.accept(id)
			}
		})
	}
	r.Cleanup(p.halt)
	return p
}

// halt stops the producers, once each has its last answer.
func (p *load) halt() {
	p.halted.Do(func() { close(p.stop) })
	p.going.Wait()
}
