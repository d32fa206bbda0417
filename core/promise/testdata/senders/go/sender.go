package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// sender posts by the library's client.
type sender struct {
	url    string
	client cloudevents.Client
	seal   *seal
}

func newSender(s settings) (*sender, error) {
	key, err := standardwebhooks.NewWebhook(s.Secret)
	if err != nil {
		return nil, err
	}
	seal := &seal{next: http.DefaultTransport, key: key}
	p, err := cloudevents.NewHTTP(cloudevents.WithTarget(s.URL), cehttp.WithRoundTripper(seal))
	if err != nil {
		return nil, err
	}
	c, err := cloudevents.NewClient(p, cloudevents.WithUUIDs(), cloudevents.WithTimeNow())
	if err != nil {
		return nil, err
	}
	return &sender{s.URL, c, seal}, nil
}

func (s *sender) send(r request) (answer, error) {
	events := make([]cloudevents.Event, len(r.Events))
	for i, shape := range r.Events {
		e, err := shape.event()
		if err != nil {
			return answer{}, err
		}
		events[i] = e
	}
	s.seal.token, s.seal.said = r.Token, nil
	ctx := context.Background()
	switch r.Way {
	case "structured":
		ctx = cloudevents.WithEncodingStructured(ctx)
	case "binary":
		ctx = cloudevents.WithEncodingBinary(ctx)
	case "batch":
		return s.batch(ctx, events)
	default:
		return answer{}, fmt.Errorf("no way %s", r.Way)
	}
	result := s.client.Send(ctx, events[0])
	if s.seal.said == nil {
		return answer{}, result
	}
	return answer{OK: cloudevents.IsACK(result), Answer: s.seal.said}, nil
}

func (s *sender) batch(ctx context.Context, events []cloudevents.Event) (answer, error) {
	req, err := cehttp.NewHTTPRequestFromEvents(ctx, s.url, events)
	if err != nil {
		return answer{}, err
	}
	resp, err := (&http.Client{Transport: s.seal}).Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	return answer{OK: resp.StatusCode == http.StatusOK, Answer: s.seal.said}, nil
}

// seal puts the credential on each request, and keeps what was said to it, which
// the library's client does not tell of a success.
type seal struct {
	next  http.RoundTripper
	key   *standardwebhooks.Webhook
	token string // in place of a signature
	said  json.RawMessage
}

// RoundTrip is that of an http.RoundTripper, which the library lets one give.
func (s *seal) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	var err error
	r = r.Clone(r.Context())
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	} else if err := s.sign(r.Header, body); err != nil {
		return nil, err
	}
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if s.said, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(s.said))
	return resp, nil
}

// sign has the event's own id as that of the request.
func (s *seal) sign(h http.Header, body []byte) error {
	var event struct{ ID string }
	if err := json.Unmarshal(body, &event); err != nil {
		event.ID = "batch" // an array
	}
	now := time.Now()
	signature, err := s.key.Sign(event.ID, now, body)
	if err != nil {
		return err
	}
	h.Set(standardwebhooks.HeaderWebhookID, event.ID)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return nil
}
