package ingress

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// The content types of events (CloudEvents HTTP binding 1.0.2, section 3).
const (
	typeEvent = "application/cloudevents+json"
	typeBatch = "application/cloudevents-batch+json"
)

// maxWait bounds Prefer: wait (RFC 7240, section 4.3). Edges give up at 30 s.
const maxWait = 25 * time.Second

// requestIDHeader carries the id that joins an answer to the router's log.
const requestIDHeader = "Headgate-Request-Id"

func (d *HTTP) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/events", d.limited(http.MethodPost, d.post))
	mux.HandleFunc("/v1/status", d.limited(http.MethodGet, d.status))
	mux.HandleFunc("/.well-known/jwks.json", d.limited(http.MethodGet, d.jwks))
	mux.HandleFunc("/", d.limited("", func(w http.ResponseWriter, _ *http.Request, id string) {
		refuse(w, id, &intake.Problem{Code: intake.NotFound, Detail: "POST /v1/events, GET /v1/status and GET /.well-known/jwks.json are here."})
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
			refuse(w, id, &intake.Problem{Code: intake.Overloaded, RetryAfter: 1})
			return
		}
		if method != "" && r.Method != method && !(method == http.MethodGet && r.Method == http.MethodHead) {
			w.Header().Set("Allow", method)
			writeProblem(w, http.StatusMethodNotAllowed, problemDocument{Title: "The method is not one that is taken here.", Code: "method_not_allowed", RequestID: id})
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

func requestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}

// post takes events.
func (d *HTTP) post(w http.ResponseWriter, r *http.Request, id string) {
	batch, problem := mode(r.Header)
	if problem != nil {
		refuse(w, id, problem)
		return
	}
	body, problem := d.body(w, r)
	if problem != nil {
		refuse(w, id, problem)
		return
	}
	s := intake.Submission{RequestID: id, Ingress: d.o.Name, Addr: r.RemoteAddr, Credential: d.credential(r.Header, body), Body: body, Batch: batch}
	if !batch {
		s.Wait = preferredWait(r.Header)
	}
	receipt, err := d.o.Intake.Accept(r.Context(), s)
	if err != nil {
		refuseErr(w, id, err)
		return
	}
	writeReceipt(w, batch, receipt)
}

// status tells a sender where its event is.
func (d *HTTP) status(w http.ResponseWriter, r *http.Request, id string) {
	query := r.URL.Query()
	if len(query["source"]) != 1 || len(query["id"]) != 1 || len(query) != 2 {
		refuse(w, id, &intake.Problem{Code: intake.Malformed, Detail: "Ask with exactly one source and one id: /v1/status?source=..&id=.."})
		return
	}
	doc, err := d.o.Intake.Ask(r.Context(), intake.Question{
		RequestID: id, Ingress: d.o.Name, Addr: r.RemoteAddr,
		Credential: d.credential(r.Header, webhook.GetBody(r.RequestURI)),
		Key:        outbox.Key{Source: query.Get("source"), ID: query.Get("id")},
		Wait:       preferredWait(r.Header),
	})
	if err != nil {
		refuseErr(w, id, err)
		return
	}
	writeJSON(w, http.StatusOK, doc)
}

// jwks shows the router's public delivery keys.
func (d *HTTP) jwks(w http.ResponseWriter, _ *http.Request, _ string) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(d.o.Keys)
}

// mode tells a batch from a structured event, and refuses everything else.
func mode(h http.Header) (batch bool, _ *intake.Problem) {
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return false, &intake.Problem{Code: intake.UnsupportedType, Detail: "Send the body without a content encoding: its exact bytes are what is signed."}
	}
	contentType := h.Get("Content-Type")
	switch contentType { // as nearly everybody writes them
	case typeEvent:
		return false, nil
	case typeBatch:
		return true, nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	if cs := params["charset"]; err != nil || cs != "" && !strings.EqualFold(cs, "utf-8") {
		media = ""
	}
	switch media {
	case typeEvent:
		return false, nil
	case typeBatch:
		return true, nil
	}
	detail := "Send " + typeEvent + " or " + typeBatch + "."
	for name := range h {
		if strings.HasPrefix(name, "Ce-") {
			detail = "Binary mode needs a token: a key's signature leaves the ce- headers uncovered. " + detail
			break
		}
	}
	return false, &intake.Problem{Code: intake.UnsupportedType, Detail: detail}
}

// trustedLength is the longest announced body that is allocated before it has
// come: longer ones grow as they come, so that an announcement costs nothing.
const trustedLength = 64 << 10

// body reads the exact bytes, bounded in size and time.
func (d *HTTP) body(w http.ResponseWriter, r *http.Request) ([]byte, *intake.Problem) {
	if r.ContentLength > d.o.Limits.Body {
		w.Header().Set("Connection", "close")
		return nil, tooLarge(d.o.Limits.Body)
	}
	reader := http.MaxBytesReader(w, r.Body, d.o.Limits.Body)
	var body []byte
	var err error
	if n := r.ContentLength; n >= 0 && n <= trustedLength {
		body = make([]byte, n)
		_, err = io.ReadFull(reader, body)
	} else {
		body, err = io.ReadAll(reader)
	}
	if err == nil {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	} // else it stands: net/http reads on before it answers, and would wait for the rest
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(d.o.Limits.Body)
	case err != nil:
		return nil, &intake.Problem{Code: intake.Malformed, Detail: "The body ended early or came too slowly."}
	}
	return body, nil
}

func tooLarge(most int64) *intake.Problem {
	return &intake.Problem{Code: intake.TooLarge, Detail: "A request body has at most " + strconv.FormatInt(most, 10) + " bytes here."}
}

// credential takes every value of every header that may prove something, as it came.
func (d *HTTP) credential(h http.Header, signed []byte) trust.Credential {
	return trust.Credential{
		KeyID:         h["Headgate-Key-Id"],
		WebhookID:     h["Webhook-Id"],
		Timestamp:     h["Webhook-Timestamp"],
		Signature:     h["Webhook-Signature"],
		Authorization: h["Authorization"],
		EventKey:      h["Headgate-Event-Key"],
		Signed:        signed,
		DefaultKeyIDs: d.o.DefaultKeyIDs,
	}
}

// preferredWait reads Prefer: wait=N (RFC 7240, section 4.3), in seconds, capped.
func preferredWait(h http.Header) time.Duration {
	for _, line := range h.Values("Prefer") {
		for _, preference := range strings.Split(line, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			if err != nil || n <= 0 {
				return 0
			}
			return min(time.Duration(min(n, 1000))*time.Second, maxWait)
		}
	}
	return 0
}
