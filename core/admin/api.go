package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// api is what may be asked at every door, with the role that it needs.
func (s *Server) api() http.Handler {
	mux := http.NewServeMux()
	for _, r := range []struct {
		pattern string
		need    Role
		serve   http.HandlerFunc
	}{
		{"GET /v1/top", Read, s.get(func(r *http.Request) (any, error) { return s.o.Router.Top(r.Context()) })},
		{"GET /v1/events", Read, s.get(s.events)},
		{"GET /v1/event", Read, s.get(s.event)},
		{"GET /v1/keys", Read, s.get(func(r *http.Request) (any, error) { return s.o.Router.Keys(r.Context()) })},
		{"GET /v1/tail", Read, s.tail},
		{"GET /v1/log", Read, s.get(func(r *http.Request) (any, error) { return s.o.Router.Levels(r.Context()) })},
		{"POST /v1/acts", Operate, s.get(s.act)},
		{"POST /v1/reload", Operate, s.get(s.reload)},
		{"POST /v1/log", Operate, s.get(s.setLevel)},
		{"POST /v1/verify", Operate, s.get(func(r *http.Request) (any, error) { return s.o.Router.Verify(r.Context()) })},
		{"POST /v1/backup", local, s.get(s.backup)}, // it writes the router's keys where the caller says
	} {
		mux.HandleFunc(r.pattern, s.only(r.need, r.serve))
	}
	return mux
}

// only lets callers through who may do what needs a role.
func (s *Server) only(need Role, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if by := callerOf(r.Context()); !by.role.may(need) {
			s.deny(w, r, http.StatusForbidden, "role", s.wanting(by, need))
			return
		}
		serve(w, r)
	}
}

func (s *Server) wanting(by caller, need Role) string {
	switch {
	case need == local:
		return "this is done on the router's own machine alone, by its unix socket"
	case by.actor == "":
		return "nobody is known to ask"
	}
	return fmt.Sprintf("this needs the role %s, and %s has %s", need, by.actor, by.role)
}

// deny turns a request away, and says so to everybody.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, status int, code, text string) {
	by := callerOf(r.Context())
	verb := r.Method + " " + r.URL.Path
	s.o.Log.Warn().Str("actor", by.actor).Str("addr", r.RemoteAddr).Str("asked", clip(verb)).Str("code", code).Msg("operator refused")
	if s.o.Auditor != nil {
		s.o.Auditor.Refuse(Record{Actor: by.actor, Addr: r.RemoteAddr, Verb: clip(verb), Outcome: Denied, Reason: code})
	}
	s.write(w, status, fault{Error: text})
}

// maxTold bounds what somebody wrote, in the log.
const maxTold = 256

func clip(text string) string { return text[:min(len(text), maxTold)] }

// MaxList is how many events one list may have, in an answer of some 20 MiB: after
// goes on from it.
const MaxList = 10_000

func (s *Server) events(r *http.Request) (any, error) {
	q := r.URL.Query()
	f := outbox.Filter{Channel: q.Get("channel"), State: outbox.State(q.Get("state")), Source: q.Get("source"), Type: q.Get("type"),
		Principal: q.Get("principal"), KeyID: q.Get("key"), Held: q.Get("held") == "true"}
	limit, err := number(q.Get("limit"))
	if err == nil && limit > MaxList {
		err = fmt.Errorf("%w: limit %d: a list has %d events at most: page with after", ErrBad, limit, MaxList)
	}
	if err == nil {
		f.Limit = int(limit)
		f.After, err = number(q.Get("after"))
	}
	if err != nil {
		return nil, err
	}
	list, err := s.o.Router.Events(r.Context(), f)
	if err != nil {
		return nil, err
	}
	by := callerOf(r.Context())
	switch {
	case !by.role.may(Payload):
		for i := range list {
			list[i].withoutPayload()
		}
	case by.role != local && slices.ContainsFunc(list, Event.hasPayload):
		shown := make([]Pick, len(list))
		for i, e := range list {
			shown[i] = Pick{Key: outbox.Key{Source: e.Source, ID: e.ID}, Seq: e.Seq}
		}
		last := strconv.FormatUint(list[len(list)-1].Seq, 10)
		err = s.record(r.Context(), Record{Actor: by.actor, Addr: by.addr, Verb: "payload.list", Outcome: Allowed, Channel: f.Channel, Events: shown, Detail: map[string]string{"last_seq": last}})
	}
	return list, err
}

// number reads a number of a query; 0 for none.
func number(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is no whole number", ErrBad, text)
	}
	return n, nil
}

func (s *Server) event(r *http.Request) (any, error) {
	q := r.URL.Query()
	key := outbox.Key{Source: q.Get("source"), ID: q.Get("id")}
	e, err := s.o.Router.Event(r.Context(), key)
	if err != nil {
		return nil, err
	}
	by := callerOf(r.Context())
	switch {
	case !by.role.may(Payload):
		e.withoutPayload()
	case by.role != local: // whose user may read the journal itself
		err = s.record(r.Context(), Record{Actor: by.actor, Addr: by.addr, Verb: "payload.show", Outcome: Allowed, Events: []Pick{{Key: key, Seq: e.Seq}}})
	}
	return e, err
}

// hasPayload tells whether e has anything that withoutPayload takes away.
func (e Event) hasPayload() bool {
	return len(e.Event) > 0 || len(e.Raw) > 0 || slices.ContainsFunc(e.Channels, func(c ChannelState) bool { return len(c.Result) > 0 })
}

// withoutPayload takes away what a sender put into an event, and the results of
// consumers. The reasons that they give stay: operators go by them.
func (e *Event) withoutPayload() {
	e.Event, e.Raw = nil, nil
	for i := range e.Channels {
		e.Channels[i].Result = nil
	}
}

func (s *Server) act(r *http.Request) (any, error) {
	var a Act
	if err := read(r, &a); err != nil {
		return nil, err
	}
	if a.Why == "" {
		return nil, errNoReason
	}
	var done Done
	err := s.audited(r.Context(), Record{Verb: string(a.Verb), Channel: a.Channel, Events: a.Events, Why: a.Why}, func() (_ int, err error) {
		done, err = s.o.Router.Act(r.Context(), a)
		return done.Changed, err
	})
	return done, err
}

// errNoReason is for whoever changes something and does not say why.
var errNoReason = fmt.Errorf("%w: say why: it is kept with what is done", ErrBad)

// read takes a request's body.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrBad, err)
	}
	return nil
}

// fault is the body of an answer that is none.
type fault struct {
	Error string `json:"error"`
}

// get answers with a document.
func (s *Server) get(doc func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		got, err := doc(r)
		status := http.StatusOK
		if err != nil {
			got = fault{Error: err.Error()}
			switch {
			case errors.Is(err, ErrNotFound):
				status = http.StatusNotFound
			case errors.Is(err, ErrBad):
				status = http.StatusBadRequest
			default:
				status = http.StatusInternalServerError
			}
		}
		s.write(w, status, got)
	}
}

func (s *Server) write(w http.ResponseWriter, status int, doc any) {
	s.allow(w, writeTimeout)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(doc); err != nil {
		s.o.Log.Debug().Err(err).Msg("operator left")
	}
}

// allow gives an answer so much time to go out.
func (s *Server) allow(w http.ResponseWriter, d time.Duration) {
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d)); err != nil {
		s.o.Log.Debug().Err(err).Msg("operator left")
	}
}
