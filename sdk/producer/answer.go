package producer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Answer is what a router says of a request, or of one event of a batch.
type Answer struct {
	StatusCode int // as in HTTP: 202 and 200 mean taken

	ID, Source string
	Status     string                   // of an event that is taken: accepted (on disk), queued (in memory) or duplicate
	State      string                   // with Options.Wait, when the event's end came in time: done, failed or dropped
	Channels   map[string]ChannelAnswer // then, too

	Code       string        // of a refusal; stable
	Detail     string        // for a person
	Pointer    string        // into the event (RFC 6901), with code schema
	RequestID  string        // joins it to the router's log
	RetryAfter time.Duration // in whole seconds; 0 for never, or whenever

	Results []Answer        // of a batch: one for each event, in order
	Raw     json.RawMessage // as it came; of a batch, as the first answer came
}

// ChannelAnswer tells how an event ended on one channel.
type ChannelAnswer struct {
	State   string          `json:"state"`
	Attempt int             `json:"attempt"`
	Result  json.RawMessage `json:"result"`
	Reason  string          `json:"reason"`
}

// Refused is the error of a request that a router has answered and not taken.
type Refused struct{ Answer Answer }

// Error gives status, code and detail.
func (r *Refused) Error() string {
	text := fmt.Sprintf("producer: refused: %d %s", r.Answer.StatusCode, r.Answer.Code)
	if r.Answer.Detail != "" {
		text += ": " + r.Answer.Detail
	}
	return text
}

// document is the JSON of an answer. status is a word, or in a problem
// (RFC 9457) a number.
type document struct {
	StatusCode int                      `json:"status_code"`
	ID         string                   `json:"id"`
	Source     string                   `json:"source"`
	Status     any                      `json:"status"`
	State      string                   `json:"state"`
	Channels   map[string]ChannelAnswer `json:"channels"`
	Code       string                   `json:"code"`
	Detail     string                   `json:"detail"`
	Pointer    string                   `json:"pointer"`
	RequestID  string                   `json:"request_id"`
	RetryAfter int                      `json:"retry_after"`
	Results    []json.RawMessage        `json:"results"`
}

// parseAnswer reads the answer to a batch of so many events; 0 for an event alone.
func parseAnswer(text []byte, events int) (Answer, error) {
	a, results, err := parse(text)
	if err != nil {
		return Answer{}, fmt.Errorf("%w that is headgate's: is it a router? %w", ErrNoAnswer, err)
	}
	if events == 0 || !a.Taken() {
		return a, nil
	}
	if len(results) != events {
		return Answer{}, fmt.Errorf("%w that is headgate's: it has %d results for %d events", ErrNoAnswer, len(results), events)
	}
	a.Results = make([]Answer, events)
	for i, one := range results {
		if a.Results[i], _, err = parse(one); err != nil {
			return Answer{}, fmt.Errorf("%w that is headgate's: result %d: %w", ErrNoAnswer, i, err)
		}
	}
	return a, nil
}

func parse(text []byte) (Answer, []json.RawMessage, error) {
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return Answer{}, nil, err
	}
	if d.StatusCode < 100 || d.StatusCode > 599 {
		return Answer{}, nil, fmt.Errorf("status_code is %d", d.StatusCode)
	}
	status, _ := d.Status.(string)
	return Answer{StatusCode: d.StatusCode, ID: d.ID, Source: d.Source, Status: status, State: d.State, Channels: d.Channels,
		Code: d.Code, Detail: d.Detail, Pointer: d.Pointer, RequestID: d.RequestID, RetryAfter: seconds(d.RetryAfter), Raw: text}, d.Results, nil
}

// maxRetryAfter bounds what a router may ask for.
const maxRetryAfter = time.Hour

func seconds(n int) time.Duration {
	return time.Duration(min(max(n, 0), int(maxRetryAfter/time.Second))) * time.Second
}

// Taken reports whether a router has the event.
func (a Answer) Taken() bool { return a.StatusCode >= 200 && a.StatusCode < 300 }

func (a Answer) err() error {
	if a.StatusCode == 0 || a.Taken() {
		return nil
	}
	return &Refused{a}
}

// retry reports whether the same event may get another answer after a try. A
// key that is being rotated gets one more (401 with retry_after).
func (a Answer) retry(try int) bool {
	switch a.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	case http.StatusUnauthorized:
		return a.RetryAfter > 0 && try == 0
	}
	return false
}

// again lists the events of a batch that may get another answer, and how long
// the router asks to wait for all of them.
func (a Answer) again() (events []int, after time.Duration) {
	for i, r := range a.Results {
		if r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusServiceUnavailable {
			events = append(events, i)
			after = max(after, r.RetryAfter)
		}
	}
	return events, after
}
