package promise_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	// cloudBatch is the default of Cloudflare's max_batch_size.
	cloudBatch = 10
	// cloudPatience is the longest that a test waits for a delay a Worker asks for.
	cloudPatience = time.Second
)

// cloudQueue stands in for a Cloudflare Queue, which outlives the runtime of the
// Workers that use it: the process workerd sends to it over HTTP, as a queue
// binding does, and is handed batches by the worker dispatch.mjs, until each
// item is acknowledged. Nothing that was taken is dropped, and items come in any
// order, and twice when an answer is lost.
type cloudQueue struct {
	*testing.T
	server  *httptest.Server
	name    string
	deliver string // where batches are handed over; empty for a queue that nobody consumes

	mu      sync.Mutex
	items   []cloudItem
	out     int // items that are handed over just now
	next    int
	taken   int              // items that were sent to it
	retried int              // and those that came back
	broken  bool             // sends fail
	cutting bool             // sends get no answer after all, for every second item
	refused int              // sends that failed
	cut     int              // and that got no answer
	forgets func(n int) bool // loses the n-th item, to see that a loss is seen
}

// cloudItem is an item as dispatch.mjs wants it.
type cloudItem struct {
	ID        string          `json:"id"`
	Timestamp int64           `json:"timestamp"` // Unix time, ms
	Body      json.RawMessage `json:"body"`
	Attempts  int             `json:"attempts"`
	due       time.Time
}

func newCloudQueue(t *testing.T, name string) *cloudQueue {
	q := &cloudQueue{T: t, name: name}
	q.server = httptest.NewServer(q)
	t.Cleanup(q.server.Close)
	return q
}

func (q *cloudQueue) address() string { return q.server.Listener.Addr().String() }

// ServeHTTP is what a binding's send comes to.
func (q *cloudQueue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the runtime died while it sent
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.broken:
		q.refused++
		http.Error(w, "Queue is overloaded. Please back off.", http.StatusServiceUnavailable)
		return
	case r.URL.Path != "/message" || r.Header.Get("X-Msg-Fmt") != "json":
		q.Errorf("the queue was sent %s as %q", r.URL.Path, r.Header.Get("X-Msg-Fmt"))
		http.Error(w, "unknown", http.StatusBadRequest)
		return
	case len(body) > 128_000:
		http.Error(w, "message length exceeds limit", http.StatusRequestEntityTooLarge)
		return
	}
	q.taken++
	delay, _ := strconv.Atoi(r.Header.Get("X-Msg-Delay-Secs"))
	if q.forgets == nil || !q.forgets(q.taken) {
		q.next++
		q.items = append(q.items, cloudItem{ID: strconv.Itoa(q.next), Timestamp: time.Now().UnixMilli(), Body: body, Attempts: 1, due: due(delay)})
	}
	if q.cutting && q.taken%2 == 0 {
		q.cut++
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, `{"metadata":{"metrics":{"backlogCount":0,"backlogBytes":0,"oldestMessageTimestamp":0}}}`)
}

// due is when a delay is over, in the shorter time of a test.
func due(seconds int) time.Time {
	return time.Now().Add(min(time.Duration(seconds)*time.Second, cloudPatience))
}

// pump hands batches over until stop is called; one at a time is enough.
func (q *cloudQueue) pump() (stop func()) {
	ended := make(chan struct{})
	var going sync.WaitGroup
	going.Go(func() {
		for {
			if !q.hand() {
				select {
				case <-ended:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}
	})
	return sync.OnceFunc(func() { close(ended); going.Wait() })
}

// hand hands one batch over, and says whether there was one that got through.
func (q *cloudQueue) hand() bool {
	batch := q.take()
	if len(batch) == 0 {
		return false
	}
	request, err := json.Marshal(map[string]any{"queue": q.name, "messages": batch})
	if err != nil {
		q.Error(err)
		return false
	}
	var verdict struct {
		Outcome       string
		AckAll        bool
		RetryBatch    struct{ Retry bool }
		ExplicitAcks  []string
		RetryMessages []struct {
			MsgID        string
			DelaySeconds int
		}
	}
	client := http.Client{Timeout: patience}
	answer, err := client.Post(q.deliver, "application/json", bytes.NewReader(request))
	if err == nil {
		err = json.NewDecoder(answer.Body).Decode(&verdict)
		_ = answer.Body.Close()
	}
	back := make(map[string]int)
	if err != nil || verdict.Outcome != "ok" || verdict.RetryBatch.Retry {
		acked := make(map[string]bool)
		for _, id := range verdict.ExplicitAcks {
			acked[id] = true
		}
		for _, m := range batch {
			if !acked[m.ID] {
				back[m.ID] = 0
			}
		}
	}
	for _, r := range verdict.RetryMessages {
		back[r.MsgID] = r.DelaySeconds
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out = 0
	for _, m := range batch {
		if delay, is := back[m.ID]; is {
			q.retried++
			m.Attempts++
			m.due = due(delay)
			q.items = append(q.items, m)
		}
	}
	return err == nil
}

// take takes out what is due, at most a batch of it.
func (q *cloudQueue) take() (batch []cloudItem) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	var rest []cloudItem
	for _, m := range q.items {
		if len(batch) < cloudBatch && !m.due.After(now) {
			batch = append(batch, m)
		} else {
			rest = append(rest, m)
		}
	}
	q.items, q.out = rest, len(batch)
	return batch
}

// set changes how it behaves.
func (q *cloudQueue) set(change func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change()
}

// empty says whether each item that was taken has been acknowledged.
func (q *cloudQueue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0 && q.out == 0
}
