package producer

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/headgate-io/headgate/sdk/webhook"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// The content types of requests.
const (
	typeEvent = "application/cloudevents+json"
	typeBatch = "application/cloudevents-batch+json"
)

// request is what is sent, the same at each try but for its signature.
type request struct {
	kind   string // its content type
	id     string // webhook-id
	body   []byte
	wait   time.Duration
	events int // in a batch; 0 for an event alone
}

// batch is a request of several events. Its id is signed and no replay key.
func batch(events [][]byte) request {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand, Go 1.24)
	body := append([]byte("["), bytes.Join(events, []byte(","))...)
	return request{kind: typeBatch, id: hex.EncodeToString(id[:]), body: append(body, ']'), events: len(events)}
}

// headers are those of HTTP, with their names in lower case.
type headers struct {
	ContentType   string `json:"content-type"`
	KeyID         string `json:"headgate-key-id,omitempty"`
	ID            string `json:"webhook-id,omitempty"`
	Timestamp     string `json:"webhook-timestamp,omitempty"`
	Signature     string `json:"webhook-signature,omitempty"`
	Authorization string `json:"authorization,omitempty"`
	EventKey      string `json:"headgate-event-key,omitempty"`
	Prefer        string `json:"prefer,omitempty"`
}

// frames gives a request as it goes out, with a token or else signed.
func (p *Producer) frames(name []byte, r request, token string) zmq.Frames {
	h := headers{ContentType: r.kind}
	if token != "" {
		h.Authorization, h.EventKey = "Bearer "+token, p.eventKey
	} else {
		now := time.Now()
		h.KeyID, h.ID, h.Timestamp, h.Signature = p.o.KeyID, r.id, webhook.Timestamp(now), p.o.Signer.Sign(r.id, now, r.body)
	}
	if r.wait > 0 {
		h.Prefer = "wait=" + strconv.Itoa(int(r.wait/time.Second))
	}
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings
	}
	return zmq.Frames{name, text, r.body}
}
