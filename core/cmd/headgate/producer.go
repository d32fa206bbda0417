package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// poster is a way to a router's door. Each request is tried again until it is
// answered for good.
type poster interface {
	// one sends an event that has this id.
	one(ctx context.Context, id string, event []byte) (answer, error)
	// batch sends several at once.
	batch(ctx context.Context, events [][]byte) (answer, error)
}

// producer signs and posts events over HTTP, as an edge does.
type producer struct {
	to      string // base address of the router's door
	key     signingKey
	client  *http.Client
	retries int  // further tries after 429, 503 and lost connections, with the same id
	wait    int  // seconds to wait for the end; 0 for not at all
	receipt bool // one is wanted

	eventKey string // the public key that tokens are bound to, a JWK; empty for none
}

// answer is what the router said.
type answer struct {
	status int
	body   []byte
}

// maxAnswer bounds an answer that is read: a batch's results are the longest.
const maxAnswer = 8 << 20

func (p *producer) one(ctx context.Context, id string, event []byte) (answer, error) {
	return p.post(ctx, "application/cloudevents+json", id, event)
}

func (p *producer) batch(ctx context.Context, events [][]byte) (answer, error) {
	body := append([]byte("["), bytes.Join(events, []byte(","))...)
	return p.post(ctx, "application/cloudevents-batch+json", newID(), append(body, ']'))
}

// post sends a body under id until it is answered for good.
func (p *producer) post(ctx context.Context, contentType, id string, body []byte) (answer, error) {
	var last error
	for try := 0; try <= p.retries; try++ {
		got, retryAfter, err := p.once(ctx, contentType, id, body)
		if err == nil && !retry(got.status, try, retryAfter) {
			return got, nil
		}
		if try == p.retries {
			return got, err
		}
		last = err
		if retryAfter == 0 {
			retryAfter = time.Duration(100<<min(try, 5)) * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return got, errors.Join(last, ctx.Err())
		case <-time.After(retryAfter):
		}
	}
	return answer{}, last
}

// retry reports whether the same bytes may get another answer after a try. A key
// that is being rotated gets one more (401 with Retry-After).
func retry(status, try int, after time.Duration) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	case http.StatusUnauthorized:
		return after > 0 && try == 0
	}
	return false
}

func (p *producer) once(ctx context.Context, contentType, id string, body []byte) (answer, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.to+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return answer{}, 0, err
	}
	if err := p.prove(req, id, body); err != nil {
		return answer{}, 0, err
	}
	req.Header.Set("Content-Type", contentType)
	if p.wait > 0 {
		req.Header.Add("Prefer", "wait="+strconv.Itoa(p.wait))
	}
	if p.receipt {
		req.Header.Add("Prefer", "return=receipt")
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{}, 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, 0, err
	}
	after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return answer{resp.StatusCode, text}, time.Duration(after) * time.Second, nil
}

// prove shows the token, or else signs.
func (p *producer) prove(req *http.Request, id string, body []byte) error {
	if p.key.token == nil {
		p.sign(req, id, body)
		return nil
	}
	token, err := p.key.token(req.Context())
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if p.eventKey != "" {
		req.Header.Set("Headgate-Event-Key", p.eventKey)
	}
	return nil
}

// sign sets the four headers. Each attempt is signed anew.
func (p *producer) sign(req *http.Request, id string, signed []byte) {
	now := time.Now()
	req.Header.Set(webhook.HeaderKeyID, p.key.id)
	req.Header.Set(webhook.HeaderID, id)
	req.Header.Set(webhook.HeaderTimestamp, webhook.Timestamp(now))
	req.Header.Set(webhook.HeaderSignature, p.key.signer.Sign(id, now, signed))
}

// keyFile is what a producer needs of a key's file.
type keyFile struct {
	ID     string `toml:"id"`
	Secret string `toml:"secret"`
}

// signingKey is a key and its id, or a token in its place.
type signingKey struct {
	id     string
	signer *webhook.Signer
	token  func(context.Context) (string, error)
}

// tokenOfFile reads a token for each try, so that whoever renews it in its file
// is all there is to renewing.
func tokenOfFile(path string) signingKey {
	return signingKey{token: func(context.Context) (string, error) { return readToken(path) }}
}

// tokenStart is how every JWT begins: a JSON object in base64url (RFC 7515,
// section 3.1).
const tokenStart = "eyJ"

// readToken reads a file that holds a token and nothing else. What is no name of a
// file may be the token itself, so no error quotes it.
func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	switch {
	case err != nil && strings.Contains(path, tokenStart) && strings.Contains(path, "."):
		return "", errors.New("--token wants a file: write the token into one, for whoever lists processes sees what stands here")
	case err != nil:
		return "", fmt.Errorf("token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	switch {
	case token == "":
		return "", fmt.Errorf("token %s: the file is empty", path)
	case strings.ContainsAny(token, " \t\r\n"):
		return "", fmt.Errorf("token %s: there is a space or a line break in it: the token stands there alone, without \"Bearer\"", path)
	}
	return token, nil
}

// keyOfFile reads one of the router's hmac keys, or the producer's half of an
// ed25519 key.
func keyOfFile(path string) (signingKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return signingKey{}, fmt.Errorf("key: %w", err)
	}
	var k keyFile
	if err := toml.Unmarshal(text, &k); err != nil || k.ID == "" || k.Secret == "" {
		return signingKey{}, fmt.Errorf("key %s: it has no id and secret to sign with", path)
	}
	signer, err := signerOf(k.Secret)
	if err != nil {
		return signingKey{}, fmt.Errorf("key %s: %w", path, err)
	}
	return signingKey{id: k.ID, signer: signer}, nil
}

func signerOf(secret string) (*webhook.Signer, error) {
	if strings.HasPrefix(secret, "whsk_") {
		private, err := webhook.ParsePrivate(secret)
		if err != nil {
			return nil, err
		}
		return webhook.NewEd25519Signer(private)
	}
	material, err := webhook.ParseSecret(secret)
	if err != nil {
		return nil, err
	}
	return webhook.NewHMACSigner(material)
}

// keyOfConfig is the first active hmac key of a configuration.
func keyOfConfig(cfg *config.Config) (signingKey, error) {
	for _, auth := range cfg.Auth {
		for _, k := range auth.Keys {
			if auth.Kind == "hmac" && k.State == "active" {
				signer, err := webhook.NewHMACSigner(k.Material.Reveal())
				return signingKey{id: k.ID, signer: signer}, err
			}
		}
	}
	return signingKey{}, errors.New("no active hmac key in the configuration: name a key file with --key")
}

// useKeyFile signs with the key in a file.
func (p *producer) useKeyFile(path string) error {
	var err error
	p.key, err = keyOfFile(path)
	return err
}

// useConfigKey signs with the first active hmac key of a configuration.
func (p *producer) useConfigKey(cfg *config.Config) error {
	var err error
	p.key, err = keyOfConfig(cfg)
	return err
}

// newID makes an event's id: 128 random bits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}
