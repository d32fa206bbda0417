package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/signature"
	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk/webhook"
)

const (
	// tokensSeen is how many senders' tokens are asked for in turn.
	tokensSeen = 512
	// tokensCached is what a router remembers.
	tokensCached = 64 << 20
)

// check is one kind of proof, checked again and again.
type check struct {
	what string
	once func() error
}

// checks tells what a check of a sender costs, by its algorithm, beside that of an
// HMAC.
func (b *bench) checks(ctx context.Context) ([]*row, error) {
	list, about, err := newChecks()
	if err != nil {
		return nil, err
	}
	rows, sides := make([]*row, len(list)), make([]func() error, len(list))
	for i, c := range list {
		rows[i] = &row{What: c.what, Unit: "us"}
		if i > 0 {
			rows[i].Against = "hmac"
		}
		sides[i] = func() error {
			took, err := timed(b.window, c.once)
			rows[i].Measured = append(rows[i].Measured, took)
			return errors.Join(err, ctx.Err())
		}
	}
	err = b.each(sides...)
	for _, r := range rows[1:] {
		r.Baseline = rows[0].Measured
	}
	rows[0].Note = about
	return rows, err
}

// newChecks gives the HMAC's first, and says what they are of.
func newChecks() (list []check, about string, err error) {
	for _, kind := range []string{"hmac", "ed25519"} {
		c, err := webhookCheck(kind)
		if err != nil {
			return nil, "", err
		}
		list = append(list, c)
	}
	var size int
	var more []check
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		i, err := newIssuer(alg)
		if err != nil {
			return nil, "", err
		}
		v, err := i.verifier()
		if err != nil {
			return nil, "", err
		}
		token, err := i.token("sender-0")
		if err != nil {
			return nil, "", err
		}
		list = append(list, check{"check of a token, " + alg, func() error {
			_, err := verified(v, token)
			return err
		}})
		if alg != "ES256" {
			continue
		}
		size = len(token)
		seen, err := seenCheck(i, v)
		if err != nil {
			return nil, "", err
		}
		more = []check{seen, {"reading of a token, the first part of its check, " + alg, func() error {
			_, err := jwt.Read(token)
			return err
		}}}
	}
	return append(list, more...), fmt.Sprintf("one goroutine, no HTTP. Of an event of %d bytes: its webhook headers are read, then it is hashed and its signature compared. "+
		"Of a token, %d bytes with ES256: header and claims are read strictly, then signature, times, audience, type and rules are checked; RSA keys have %d bits. "+
		"One that was seen before is found by its hash, among %d, and its times are checked. Revocations and grants are not in it", eventBytes, size, rsaBits, tokensSeen), nil
}

// webhookCheck is of an event signed with a key of this kind.
func webhookCheck(kind string) (check, error) {
	secret, private := webhook.NewSecret(), webhook.NewKey()
	signer, err := webhook.NewHMACSigner(secret)
	key, kerr := signature.NewHMAC(secret)
	if kind == "ed25519" {
		signer, err = webhook.NewEd25519Signer(private)
		key, kerr = signature.NewEd25519(private.Public().(ed25519.PublicKey))
	}
	if err := errors.Join(err, kerr); err != nil {
		return check{}, err
	}
	const id = "bench-1"
	now, body := time.Now(), newEvent(id, commanded)
	headers := signature.Headers{ID: []string{id}, Timestamp: []string{webhook.Timestamp(now)}, Signature: []string{signer.Sign(id, now, body)}}
	return check{"check of an event's signature, " + kind, func() error {
		w, err := signature.ParseWebhook(headers, now)
		if err != nil {
			return err
		}
		return w.Verify(key, body)
	}}, nil
}

// verified is the whole check of a token.
func verified(v *jwt.Verifier, text string) (*jwt.Token, error) {
	u, err := jwt.Read(text)
	if err != nil {
		return nil, err
	}
	return v.Verify(u, time.Now())
}

// seenCheck is of tokens that are remembered.
func seenCheck(of *issuer, v *jwt.Verifier) (check, error) {
	tokens, err := of.tokens(tokensSeen)
	if err != nil {
		return check{}, err
	}
	cache, next := jwt.NewCache(tokensCached), 0
	for _, text := range tokens {
		t, err := verified(v, text)
		if err != nil {
			return check{}, err
		}
		cache.Put(text, v, t)
	}
	return check{"check of a token seen before, " + of.alg, func() error {
		text := tokens[next]
		next = (next + 1) % len(tokens)
		by, t := cache.Get(text)
		if by != v {
			return errors.New("a token was forgotten")
		}
		return v.Check(t, time.Now())
	}}, nil
}

// timed gives the microseconds of a call, over at least window.
func timed(window time.Duration, call func() error) (float64, error) {
	const between = 16 // calls for one look at the clock
	for count, start := 0, time.Now(); ; {
		for range between {
			if err := call(); err != nil {
				return 0, err
			}
		}
		count += between
		if spent := time.Since(start); spent >= window {
			return float64(spent) / float64(time.Microsecond) / float64(count), nil
		}
	}
}
