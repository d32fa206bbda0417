package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Tail selects decisions. The zero value selects all, without payloads.
type Tail struct {
	Channel string // only about this one
	Type    string // glob: only events of such types
	Source  string // glob: only events of such sources
	Refused bool   // only refusals
	Payload bool   // with payloads, where the caller's role allows
}

// Told is one line of a tail: a decision, or how many were missed here.
type Told struct {
	*Decision
	Missed uint64 `json:"missed,omitempty"`
}

const (
	// tailBeat is how often a tail without decisions says that it is there.
	tailBeat = 10 * time.Second
	// tailWrite is how long a reader may take nothing before it is cut.
	tailWrite = 30 * time.Second
)

// tail streams decisions as JSON, one a line, until the reader goes. An empty line
// says that there are none.
func (s *Server) tail(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	t := Tail{Channel: q.Get("channel"), Type: q.Get("type"), Source: q.Get("source"), Refused: q.Get("refused") == "true", Payload: q.Get("payload") == "true"}
	by := callerOf(r.Context())
	if t.Payload && !by.role.may(Payload) {
		s.deny(w, r, http.StatusForbidden, "role", s.wanting(by, Payload))
		return
	}
	reader, err := s.look(r.Context(), t)
	if err != nil {
		s.get(func(*http.Request) (any, error) { return nil, err })(w, r)
		return
	}
	defer s.o.Decisions.leave(reader)
	w.Header().Set("Content-Type", "application/x-ndjson")
	if err := s.stream(w, r, reader); err != nil {
		s.o.Log.Debug().Err(err).Msg("operator left")
	}
}

// look has a new reader join.
func (s *Server) look(ctx context.Context, t Tail) (*reader, error) {
	if s.o.Decisions == nil {
		return nil, fmt.Errorf("%w: this router shows no decisions", ErrBad)
	}
	reader, err := newReader(t)
	if err != nil {
		return nil, err
	}
	if by := callerOf(ctx); t.Payload && by.role != local { // whose user may read the journal itself
		err := s.record(ctx, Record{Actor: by.actor, Addr: by.addr, Verb: "payload.tail", Outcome: Allowed, Channel: t.Channel,
			Detail: map[string]string{"type": t.Type, "source": t.Source}})
		if err != nil {
			return nil, err
		}
	}
	if !s.o.Decisions.join(reader) {
		return nil, fmt.Errorf("%w: %d look on already, and no more may", ErrBad, maxReaders)
	}
	return reader, nil
}

// errNoLonger ends the tail of a caller that may not look on any more.
var errNoLonger = errors.New("its token or certificate is no longer what it was")

// stream writes what a reader is offered, for as long as its caller is who it was.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, of *reader) error {
	out := bufio.NewWriter(w)
	encode := json.NewEncoder(out)
	encode.SetEscapeHTML(false)
	beat := time.NewTicker(tailBeat)
	defer beat.Stop()
	counts := new(terms) // none yet
	write := func(lines ...Told) {
		for _, l := range lines {
			_ = encode.Encode(l) // the flush has its error
		}
	}
	for {
		if now := s.terms.Load(); now != counts {
			if counts = now; !s.isStill(r) {
				return errNoLonger
			}
		}
		s.allow(w, tailWrite)
		if len(of.queue) == 0 {
			if missed := of.missed.Swap(0); missed > 0 {
				write(Told{Missed: missed})
			}
			if err := errors.Join(out.Flush(), http.NewResponseController(w).Flush()); err != nil {
				return err
			}
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-counts.over:
		case <-beat.C:
			_ = out.WriteByte('\n')
		case next := <-of.queue:
			of.took(&next.Decision)
			if next.missed > 0 {
				write(Told{Missed: next.missed})
			}
			write(Told{Decision: &next.Decision})
		}
	}
}

// isStill tells whether a request's caller is, by the terms of now, who it was.
func (s *Server) isStill(r *http.Request) bool {
	was := callerOf(r.Context())
	if was.role == local {
		return true
	}
	by, ok := s.identify(r)
	return ok && by == was
}

// ErrEnded tells that the router has ended a tail.
var ErrEnded = fmt.Errorf("%w any more: it has ended, or cut a reader that took nothing", ErrUnreachable)

// Tail tells decisions as they are made, until ctx ends (nil), the router does
// (ErrEnded), or tell errs (its error).
func (c *Client) Tail(ctx context.Context, t Tail, tell func(Told) error) error {
	q := url.Values{}
	for name, value := range map[string]string{"channel": t.Channel, "type": t.Type, "source": t.Source} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, value := range map[string]bool{"refused": t.Refused, "payload": t.Payload} {
		if value {
			q.Set(name, "true")
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://headgate/v1/tail?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := c.do(req)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for lines := json.NewDecoder(resp.Body); ; {
		var line Told
		err := lines.Decode(&line)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return ErrEnded
		case err != nil:
			return fmt.Errorf("router's answer: %w", err)
		}
		if err := tell(line); err != nil {
			return err
		}
	}
}
