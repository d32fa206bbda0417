package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// freshPerSecond bounds what is signed ahead as singlesPerSecond does, where each
// request has a token of its own.
const freshPerSecond = 40_000

// bearers is S5: senders with tokens beside senders with HMAC keys, and what a
// check costs by its algorithm.
func (b *bench) bearers(ctx context.Context) ([]*row, error) {
	rows, err := b.tokens(ctx)
	if err != nil {
		return nil, err
	}
	checks, err := b.checks(ctx)
	return slices.Concat(rows, checks), err
}

// tokens compares the two at one router. Tokens that come only once go to another:
// they would drive the others out of its memory.
func (b *bench) tokens(ctx context.Context) ([]*row, error) {
	from, err := newIssuer("ES256")
	if err != nil {
		return nil, err
	}
	s, err := b.newBearerStand(ctx, "S5", from)
	if err != nil {
		return nil, err
	}
	defer s.close()
	other, err := b.newBearerStand(ctx, "S5-fresh", from)
	if err != nil {
		return nil, err
	}
	defer other.close()
	var rows []*row
	for _, connections := range []int{64, 512} {
		tokens, err := from.tokens(connections)
		if err != nil {
			return nil, err
		}
		if _, err := s.fireTokens(ctx, connections, connections, tokens); err != nil { // from now on each has been seen
			return nil, err
		}
		s.anew()
		other.anew()
		what := "event over HTTP with a token to commands (" + durable.outbox() + ")"
		c := newComparison(atConnections(what+", repeated", connections), "HMAC")
		fresh := newComparison(atConnections(what+", each once", connections), "HMAC")
		c.rate.Aim = atLeast(0.9)
		rows = append(append(rows, c.rows()...), fresh.rate, fresh.cpu)
		err = b.each(func() error {
			base, err := s.fireRouter(ctx, connections, 1)
			if err != nil {
				return err
			}
			got, err := s.fireTokens(ctx, connections, s.order(1).requests, tokens)
			if err != nil {
				return err
			}
			once, err := from.tokens(int(b.window.Seconds()*freshPerSecond) + connections)
			if err != nil {
				return err
			}
			first, err := other.fireTokens(ctx, connections, len(once), once)
			c.add(base, got)
			fresh.add(base, first)
			return err
		})
		if err != nil {
			return nil, err
		}
		c.rate.Note = s.tally() + fmt.Sprintf("; %d senders with an %s token of %d bytes each, at one router with those with a key", connections, from.alg, len(tokens[0]))
		fresh.rate.Note = other.tally() + "; each token is verified, and remembered for nothing"
	}
	return rows, nil
}

// newBearerStand starts one whose router takes the tokens of an issuer, and waits
// until it does.
func (b *bench) newBearerStand(ctx context.Context, name string, of *issuer) (*stand, error) {
	s, err := b.newStand(ctx, name, commanded, setup{engine: durable, issuer: of})
	if err != nil {
		return nil, err
	}
	if err := s.trusted(ctx, of); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// trusted waits until the router has the issuer's key from its plugin: before that
// tokens are answered with 503.
func (s *stand) trusted(ctx context.Context, of *issuer) error {
	token, err := of.tokens(1)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, childPatience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := fire(ctx, s.router.address, newShots(order{requests: 1, batch: 1, kind: s.kind, tokens: token}), 1, s.b.window)
		if err != nil {
			return err
		}
		if v.accepted == 1 {
			_, err := s.router.quiet(ctx)
			return err
		}
		select {
		case <-tick.C:
		case <-limit.Done():
			return fmt.Errorf("router: no token was taken within %v: %w", childPatience, limit.Err())
		}
	}
}

// fireTokens is fireRouter for at most so many requests with these tokens in turn.
func (s *stand) fireTokens(ctx context.Context, connections, requests int, tokens []string) (sample, error) {
	o := s.order(1)
	o.requests, o.tokens = requests, tokens
	was := s.refused
	got, err := s.fireShots(ctx, connections, newShots(o))
	if err == nil && s.refused > was {
		err = fmt.Errorf("router: %d events with a token were refused", s.refused-was)
	}
	return got, err
}
