package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/outbox"
)

// Errors that are the operator's.
var (
	ErrNotFound = errors.New("not found")
	ErrBad      = errors.New("cannot do that")
)

const (
	headerTimeout = 5 * time.Second
	maxBody       = 4 << 20 // MaxPicks with long names
	maxSocketPath = 104     // sun_path on the BSDs; Linux has 108
)

// Server answers operators. Make one with NewServer.
type Server struct {
	router   Router
	log      zerolog.Logger
	listener net.Listener
	server   *http.Server
}

// NewServer binds the unix socket, mode 0600. The caller holds the lock of its
// directory, so a socket file that is there is left over and is replaced.
func NewServer(path string, r Router, log zerolog.Logger) (*Server, error) {
	if len(path) >= maxSocketPath {
		return nil, fmt.Errorf("admin socket %s: the path is too long for a unix socket: set a shorter [data] dir", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // the directory is 0700 all along
		_ = l.Close()
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	s := &Server{router: r, log: log, listener: l}
	s.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: headerTimeout}
	return s, nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.server.Close() })
	defer stop()
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin socket: %w", err)
	}
	return nil
}

// Close gives the socket back when Run was never called.
func (s *Server) Close() error { return s.listener.Close() }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/top", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, func() (any, error) { return s.router.Top(r.Context()) })
	})
	mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, func() (any, error) {
			q := r.URL.Query()
			f := outbox.Filter{Channel: q.Get("channel"), State: outbox.State(q.Get("state")), Source: q.Get("source"), Type: q.Get("type"),
				Principal: q.Get("principal"), KeyID: q.Get("key"), Held: q.Get("held") == "true"}
			f.Limit, _ = strconv.Atoi(q.Get("limit"))
			f.After, _ = strconv.ParseUint(q.Get("after"), 10, 64)
			return s.router.Events(r.Context(), f)
		})
	})
	mux.HandleFunc("GET /v1/event", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, func() (any, error) {
			q := r.URL.Query()
			return s.router.Event(r.Context(), outbox.Key{Source: q.Get("source"), ID: q.Get("id")})
		})
	})
	mux.HandleFunc("POST /v1/acts", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, func() (any, error) {
			var a Act
			d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
			d.DisallowUnknownFields()
			if err := d.Decode(&a); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrBad, err)
			}
			done, err := s.router.Act(r.Context(), a)
			s.note(&a, done, err)
			return done, err
		})
	})
	s.keyRoutes(mux)
	s.dataRoutes(mux)
	return mux
}

// note writes an act down.
func (s *Server) note(a *Act, done Done, err error) {
	line := s.log.Info().Str("verb", string(a.Verb)).Str("channel", a.Channel)
	if len(a.Events) > 0 { // the first one names the page
		line.Str("source", a.Events[0].Source).Str("id", a.Events[0].ID).Int("events", len(a.Events))
	}
	line.Str("why", a.Why).Int("changed", done.Changed).AnErr("failed", err).Msg("operator")
}

// fault is the body of an answer that is none.
type fault struct {
	Error string `json:"error"`
}

func (s *Server) answer(w http.ResponseWriter, get func() (any, error)) {
	doc, err := get()
	status := http.StatusOK
	if err != nil {
		doc = fault{Error: err.Error()}
		switch {
		case errors.Is(err, ErrNotFound):
			status = http.StatusNotFound
		case errors.Is(err, ErrBad):
			status = http.StatusBadRequest
		default:
			status = http.StatusInternalServerError
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(doc); err != nil {
		s.log.Debug().Err(err).Msg("operator left")
	}
}
