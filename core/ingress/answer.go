package ingress

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/headgate-io/headgate/core/intake"
)

// answer is what a door says to a request, in the terms of HTTP.
type answer struct {
	status     int
	doc        any  // what its body holds: an object of JSON
	problem    bool // doc is a problemDocument
	retryAfter int  // seconds; 0 for none
	waited     bool // doc tells of the end that was waited for
}

// eventDocument answers for one event.
type eventDocument struct {
	ID      string        `json:"id"`
	Source  string        `json:"source"`
	Status  intake.Status `json:"status"`
	Receipt string        `json:"receipt,omitempty"`
}

// batchDocument answers for a batch, in its order.
type batchDocument struct {
	Results []resultDocument `json:"results"`
}

type resultDocument struct {
	ID         string        `json:"id,omitempty"`
	Source     string        `json:"source,omitempty"`
	StatusCode int           `json:"status_code"`
	Status     intake.Status `json:"status,omitempty"`
	Receipt    string        `json:"receipt,omitempty"`
	Code       intake.Code   `json:"code,omitempty"`
	Detail     string        `json:"detail,omitempty"`
	Pointer    string        `json:"pointer,omitempty"`
	RetryAfter int           `json:"retry_after,omitempty"`
}

// problemDocument is RFC 9457's, with a stable code and the request's id.
type problemDocument struct {
	Type      string      `json:"type"`
	Title     string      `json:"title"`
	Status    int         `json:"status"`
	Detail    string      `json:"detail,omitempty"`
	Code      intake.Code `json:"code"`
	Pointer   string      `json:"pointer,omitempty"`
	RequestID string      `json:"request_id"`
}

// received answers a submission that was read.
func received(batch bool, r intake.Receipt) answer {
	switch {
	case batch:
		doc := batchDocument{Results: make([]resultDocument, len(r.Results))}
		for i, one := range r.Results {
			doc.Results[i] = result(one)
		}
		return answer{status: http.StatusOK, doc: doc}
	case r.Final != nil:
		return answer{status: http.StatusOK, doc: r.Final, waited: true}
	default:
		one := r.Results[0]
		return answer{status: statusOf(one), doc: eventDocument{ID: one.ID, Source: one.Source, Status: one.Status, Receipt: one.Receipt}}
	}
}

func result(r intake.Result) resultDocument {
	doc := resultDocument{ID: r.ID, Source: r.Source, StatusCode: statusOf(r), Status: r.Status, Receipt: r.Receipt}
	if p := r.Problem; p != nil {
		doc.Code, doc.Detail, doc.Pointer, doc.RetryAfter = p.Code, p.Detail, p.Pointer, p.RetryAfter
	}
	return doc
}

func statusOf(r intake.Result) int {
	switch {
	case r.Problem != nil:
		return r.Problem.Status()
	case r.Status == intake.Duplicate:
		return http.StatusOK
	default:
		return http.StatusAccepted
	}
}

// failed answers a request that the intake has refused as a whole.
func failed(id string, err error) answer {
	var p *intake.Problem
	if !errors.As(err, &p) {
		p = overloaded()
	}
	return refused(id, p)
}

// overloaded asks a sender to come back, with the same event, when something
// is free again.
func overloaded() *intake.Problem { return &intake.Problem{Code: intake.Overloaded, RetryAfter: 1} }

func refused(id string, p *intake.Problem) answer {
	a := problem(p.Status(), problemDocument{Title: p.Title(), Detail: p.Detail, Code: p.Code, Pointer: p.Pointer, RequestID: id})
	a.retryAfter = p.RetryAfter
	return a
}

func problem(status int, doc problemDocument) answer {
	doc.Type, doc.Status = "about:blank", status
	return answer{status: status, doc: doc, problem: true}
}

// write answers over HTTP.
func (a answer) write(w http.ResponseWriter) {
	status, body := a.encode()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if a.problem {
		h.Set("Content-Type", "application/problem+json")
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	if a.status == http.StatusUnauthorized {
		h["Www-Authenticate"] = []string{`Webhook realm="headgate"`, `Bearer realm="headgate"`}
	}
	if a.waited {
		h.Set("Preference-Applied", "wait")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// frame is the body with what HTTP says beside it: status_code, and retry_after
// where there is a Retry-After.
func (a answer) frame() []byte {
	status, body := a.encode()
	body = append(body[:len(body)-1], `,"status_code":`...)
	body = strconv.AppendInt(body, int64(status), 10)
	if a.retryAfter > 0 {
		body = append(body, `,"retry_after":`...)
		body = strconv.AppendInt(body, int64(a.retryAfter), 10)
	}
	return append(body, '}')
}

// encode gives the body, with at least one member.
func (a answer) encode() (status int, body []byte) {
	body, err := json.Marshal(a.doc)
	if err != nil { // only a reply's result could, and that was checked when it came
		return http.StatusInternalServerError, []byte(`{"status":500}`)
	}
	return a.status, body
}
