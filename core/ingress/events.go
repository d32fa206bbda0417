package ingress

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// requestIDHeader carries the id that joins an answer to the router's log.
const requestIDHeader = "Headgate-Request-Id"

func (d *HTTP) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/events", d.limited(http.MethodPost, d.post))
	mux.HandleFunc("/v1/status", d.limited(http.MethodGet, d.status))
	mux.HandleFunc("/.well-known/jwks.json", d.limited(http.MethodGet, d.jwks))
	mux.HandleFunc("/", d.limited("", func(w http.ResponseWriter, _ *http.Request, id string) {
		refused(id, &intake.Problem{Code: intake.NotFound, Detail: "POST /v1/events, GET /v1/status and GET /.well-known/jwks.json are here."}).write(w)
	}))
	return mux
}

// limited bounds the requests worked on at once, checks the method and gives
// the request its id.
func (d *HTTP) limited(method string, next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := requestID()
		w.Header().Set(requestIDHeader, id)
		d.hurry(w, r)
		select {
		case d.busy <- struct{}{}:
			defer func() { <-d.busy }()
		default: // as many as are allowed are worked on: the sender comes back
			failed(id, d.o.Intake.Shed(d.o.Name, intake.BoundRequests)).write(w)
			return
		}
		if method != "" && r.Method != method && !(method == http.MethodGet && r.Method == http.MethodHead) {
			w.Header().Set("Allow", method)
			problem(http.StatusMethodNotAllowed, problemDocument{Title: "The method is not one that is taken here.", Code: "method_not_allowed", RequestID: id}).write(w)
			return
		}
		next(w, r, id)
	}
}

// hurry bounds the time in which a body must have come. Where nobody reads it,
// net/http does before it answers.
func (d *HTTP) hurry(w http.ResponseWriter, r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d.o.Limits.BodyTimeout))
	}
}

// post takes events.
func (d *HTTP) post(w http.ResponseWriter, r *http.Request, id string) {
	form, problem := formOf(r.Header)
	if problem != nil {
		refused(id, problem).write(w)
		return
	}
	work, err := d.admit(w, r)
	if err != nil {
		failed(id, err).write(w)
		return
	}
	defer work.Done()
	body, err := d.body(w, r, &work)
	if err != nil {
		failed(id, err).write(w)
		return
	}
	submit(r.Context(), d.o.Intake, r.Header, form, intake.Submission{RequestID: id, Ingress: d.o.Name, Addr: r.RemoteAddr,
		Credential: credential(r.Header, body, d.terms.Load().DefaultKeyIDs), Body: body}).write(w)
}

// status tells a sender where its event is.
func (d *HTTP) status(w http.ResponseWriter, r *http.Request, id string) {
	query := r.URL.Query()
	if len(query["source"]) != 1 || len(query["id"]) != 1 || len(query) != 2 {
		refused(id, &intake.Problem{Code: intake.Malformed, Detail: "Ask with exactly one source and one id: /v1/status?source=..&id=.."}).write(w)
		return
	}
	work, err := d.o.Intake.Admit(d.o.Name, 0, 0)
	if err != nil {
		failed(id, err).write(w)
		return
	}
	defer work.Done()
	doc, err := d.o.Intake.Ask(r.Context(), intake.Question{
		RequestID: id, Ingress: d.o.Name, Addr: r.RemoteAddr,
		Credential: credential(r.Header, webhook.GetBody(r.RequestURI), d.terms.Load().DefaultKeyIDs),
		Key:        outbox.Key{Source: query.Get("source"), ID: query.Get("id")},
		Wait:       preferredWait(r.Header),
	})
	if err != nil {
		failed(id, err).write(w)
		return
	}
	answer{status: http.StatusOK, doc: doc}.write(w)
}

// jwks shows the router's public delivery keys.
func (d *HTTP) jwks(w http.ResponseWriter, _ *http.Request, _ string) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(d.o.Keys())
}

// trustedLength is the longest announced body that is allocated before it has
// come: longer ones grow as they come, so that an announcement costs nothing.
const trustedLength = 64 << 10

// firstLength is what a body without an announcement gets at first.
const firstLength = 4 << 10

// admit asks for room for a body, before any of it is read.
func (d *HTTP) admit(w http.ResponseWriter, r *http.Request) (intake.Work, error) {
	announced := min(r.ContentLength, d.terms.Load().Body) // a longer one is refused as such
	first := int64(firstLength)
	if announced >= 0 {
		first = min(announced, trustedLength)
	}
	work, err := d.o.Intake.Admit(d.o.Name, first, max(announced, first))
	if err != nil && r.ContentLength != first && r.ProtoMajor == 1 { // else net/http reads on before it answers
		w.Header().Set("Connection", "close")
	}
	return work, err
}

// body reads the exact bytes, bounded in size and time, and by what work may
// hold. The error is a *Problem.
func (d *HTTP) body(w http.ResponseWriter, r *http.Request, work *intake.Work) ([]byte, error) {
	most := d.terms.Load().Body
	if r.ContentLength > most {
		w.Header().Set("Connection", "close")
		return nil, tooLarge(most)
	}
	body, err := gather(http.MaxBytesReader(w, r.Body, most), r.ContentLength, most, work)
	if err == nil {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		return body, nil
	} // else it stands: net/http reads on before it answers, and would wait for the rest
	var over *http.MaxBytesError
	var problem *intake.Problem
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(most)
	case errors.As(err, &problem):
		w.Header().Set("Connection", "close")
		return nil, problem
	default:
		return nil, &intake.Problem{Code: intake.Malformed, Detail: "The body ended early or came too slowly."}
	}
}

// gather reads a body of an announced length, or -1, to its end, where from errs
// beyond most bytes. It asks for more room before it takes it, from firstLength or
// trustedLength on.
func gather(from io.Reader, announced, most int64, work *intake.Work) ([]byte, error) {
	if announced >= 0 && announced <= trustedLength {
		body := make([]byte, announced)
		_, err := io.ReadFull(from, body)
		return body, err
	}
	size, longest := firstLength, most+1 // for the end, or what is too much
	if announced > 0 {
		size, longest = trustedLength, announced
	}
	body := make([]byte, 0, size)
	for int64(len(body)) != announced {
		if has := int64(cap(body)); int64(len(body)) == has {
			more := min(has, longest-has)
			if err := work.Grow(more); err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, has+more), body...)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF && announced < 0:
			return body, nil
		case err == io.EOF && int64(len(body)) != announced:
			return nil, io.ErrUnexpectedEOF
		case err != nil && err != io.EOF:
			return nil, err
		}
	}
	return body, nil
}
