package ingress

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/headgate-io/headgate/core/intake"
)

// eventDocument answers for one event.
type eventDocument struct {
	ID     string        `json:"id"`
	Source string        `json:"source"`
	Status intake.Status `json:"status"`
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

func writeReceipt(w http.ResponseWriter, batch bool, r intake.Receipt) {
	switch {
	case batch:
		doc := batchDocument{Results: make([]resultDocument, len(r.Results))}
		for i, one := range r.Results {
			doc.Results[i] = result(one)
		}
		writeJSON(w, http.StatusOK, doc)
	case r.Final != nil:
		w.Header().Set("Preference-Applied", "wait")
		writeJSON(w, http.StatusOK, r.Final)
	default:
		one := r.Results[0]
		writeJSON(w, statusOf(one), eventDocument{ID: one.ID, Source: one.Source, Status: one.Status})
	}
}

func result(r intake.Result) resultDocument {
	doc := resultDocument{ID: r.ID, Source: r.Source, StatusCode: statusOf(r), Status: r.Status}
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

func refuseErr(w http.ResponseWriter, id string, err error) {
	var p *intake.Problem
	if !errors.As(err, &p) {
		p = &intake.Problem{Code: intake.Overloaded, RetryAfter: 1}
	}
	refuse(w, id, p)
}

func refuse(w http.ResponseWriter, id string, p *intake.Problem) {
	h := w.Header()
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Code == intake.Unauthenticated {
		h.Set("WWW-Authenticate", `Webhook realm="headgate"`)
	}
	writeProblem(w, p.Status(), problemDocument{Title: p.Title(), Detail: p.Detail, Code: p.Code, Pointer: p.Pointer, RequestID: id})
}

func writeProblem(w http.ResponseWriter, status int, doc problemDocument) {
	doc.Type, doc.Status = "about:blank", status
	w.Header().Set("Content-Type", "application/problem+json")
	write(w, status, doc)
}

func writeJSON(w http.ResponseWriter, status int, doc any) {
	w.Header().Set("Content-Type", "application/json")
	write(w, status, doc)
}

func write(w http.ResponseWriter, status int, doc any) {
	body, err := json.Marshal(doc)
	if err != nil { // only a reply's result could, and that was checked when it came
		status, body = http.StatusInternalServerError, []byte(`{}`)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
