package ingress

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/trust"
)

// The content types of events (CloudEvents HTTP binding 1.0.2, section 3).
const (
	typeEvent = "application/cloudevents+json"
	typeBatch = "application/cloudevents-batch+json"
)

// maxWait bounds Prefer: wait (RFC 7240, section 4.3). Edges give up at 30 s.
const maxWait = 25 * time.Second

func requestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}

// submit hands events to the intake, as the headers of their request ask. The
// credential is over the body as it came.
func submit(ctx context.Context, to Intake, h http.Header, f form, s intake.Submission) answer {
	s.Batch, s.Receipt = f == batch, prefersReceipt(h)
	if f == bare {
		s.Structure = func(body []byte) ([]byte, error) { return structure(h, body) }
	}
	if f != batch {
		s.Wait = preferredWait(h)
	}
	receipt, err := to.Accept(ctx, s)
	if err != nil {
		return failed(s.RequestID, err)
	}
	return received(s.Batch, receipt)
}

// form is how a request carries its events.
type form int

const (
	one   form = iota // a structured event
	batch             // of structured events
	bare              // one event in binary mode: its attributes are headers
)

// formOf tells how the events come, and refuses what is none of the ways.
func formOf(h http.Header) (form, *intake.Problem) {
	for _, name := range []string{"Content-Type", "Content-Encoding"} { // whoever reads the other one reads another event
		if len(h[name]) > 1 {
			return one, &intake.Problem{Code: intake.Malformed, Detail: strings.ToLower(name) + " occurs twice."}
		}
	}
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return one, &intake.Problem{Code: intake.UnsupportedType, Detail: "Send the body without a content encoding: its exact bytes are what is signed."}
	}
	contentType := h.Get("Content-Type")
	switch contentType { // as nearly everybody writes them
	case typeEvent:
		return one, nil
	case typeBatch:
		return batch, nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	if cs := params["charset"]; err != nil || cs != "" && !strings.EqualFold(cs, "utf-8") {
		media = ""
	}
	switch media {
	case typeEvent:
		return one, nil
	case typeBatch:
		return batch, nil
	}
	detail := "Send " + typeEvent + " or " + typeBatch + "."
	switch {
	case strings.HasPrefix(contentType, "application/cloudevents"), !isBinary(h):
	case len(h["Authorization"]) > 0:
		return bare, nil
	default:
		detail = "Binary mode needs a token: a key's signature leaves the ce- headers uncovered. " + detail
	}
	return one, &intake.Problem{Code: intake.UnsupportedType, Detail: detail}
}

func tooLarge(most int64) *intake.Problem {
	return &intake.Problem{Code: intake.TooLarge, Detail: "A request body has at most " + strconv.FormatInt(most, 10) + " bytes here."}
}

// credential takes every value of every header that may prove something, as it came.
func credential(h http.Header, signed []byte, defaults []string) trust.Credential {
	return trust.Credential{
		KeyID:         h["Headgate-Key-Id"],
		WebhookID:     h["Webhook-Id"],
		Timestamp:     h["Webhook-Timestamp"],
		Signature:     h["Webhook-Signature"],
		Authorization: h["Authorization"],
		EventKey:      h["Headgate-Event-Key"],
		Signed:        signed,
		DefaultKeyIDs: defaults,
	}
}

// preferred finds a preference (RFC 7240, section 2) by its name.
func preferred(h http.Header, name string) (value string, found bool) {
	for _, line := range h.Values("Prefer") {
		for _, preference := range strings.Split(line, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			own, value, _ := strings.Cut(preference, "=")
			if strings.EqualFold(strings.TrimSpace(own), name) { // the first one counts
				return strings.Trim(strings.TrimSpace(value), `"`), true
			}
		}
	}
	return "", false
}

// preferredWait reads Prefer: wait=N (RFC 7240, section 4.3), in seconds, capped.
func preferredWait(h http.Header) time.Duration {
	value, _ := preferred(h, "wait")
	n, err := strconv.Atoi(value)
	if err != nil || n <= 0 {
		return 0
	}
	return min(time.Duration(min(n, 1000))*time.Second, maxWait)
}

// prefersReceipt reads Prefer: return=receipt, in the manner of RFC 7240, section 4.2.
func prefersReceipt(h http.Header) bool {
	value, _ := preferred(h, "return")
	return strings.EqualFold(value, "receipt")
}
