package admin

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
)

// Errors that are the operator's.
var (
	ErrNotFound = errors.New("not found")
	ErrBad      = errors.New("cannot do that")
)

const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second // of a whole request: maxBody over a poor line
	writeTimeout  = 30 * time.Second // of a whole answer, once there is one
	idleTimeout   = time.Minute
	maxHeaders    = 16 << 10
	maxBody       = 4 << 20         // MaxPicks with long names
	maxSocketPath = 104             // sun_path on the BSDs; Linux has 108
	grace         = 2 * time.Second // for answers under way when the router ends
)

// Options are what a Server is made of.
type Options struct {
	Socket    string // path of the unix socket
	HTTP      *HTTP  // nil for the unix socket alone
	Router    Router
	Decisions *Decisions // nil for none: nobody can look on
	Auditor   Auditor    // nil for none
	Log       zerolog.Logger
}

// Server answers operators. Make one with NewServer.
type Server struct {
	o        Options
	doors    []door
	terms    atomic.Pointer[terms]
	swapping sync.Mutex
	recent   recent
}

// door is a listener with what is asked there.
type door struct {
	name     string
	listener net.Listener
	server   *http.Server
}

// NewServer binds the unix socket, mode 0600, and the address of HTTP. The caller
// holds the lock of the socket's directory, so a socket file that is there is left
// over and is replaced.
func NewServer(o Options) (*Server, error) {
	s := &Server{o: o}
	first := &terms{over: make(chan struct{})}
	if o.HTTP != nil {
		first.Access, first.tls = o.HTTP.Access, o.HTTP.TLS
	}
	s.terms.Store(first)
	l, err := listenUnix(o.Socket)
	if err != nil {
		return nil, fmt.Errorf("admin socket %s: %w", o.Socket, err)
	}
	s.doors = []door{{name: "admin socket", listener: l, server: s.unixServer()}}
	if o.HTTP == nil {
		return s, nil
	}
	if l, err = s.listenHTTP(); err != nil {
		return nil, errors.Join(fmt.Errorf("admin http: %w", err), s.Close())
	}
	s.doors = append(s.doors, door{name: "admin http", listener: l, server: s.httpServer()})
	return s, nil
}

func listenUnix(path string) (net.Listener, error) {
	if len(path) >= maxSocketPath {
		return nil, errors.New("the path is too long for a unix socket: set a shorter [data] dir")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil { // the directory is 0700 all along
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// unixServer serves who could open the socket: the router's own user, and root.
func (s *Server) unixServer() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("/", s.health())
	mux.Handle("/v1/", s.api())
	server := s.newHTTPServer(mux)
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		actor, err := peerOf(c)
		if err != nil { // and then it may do nothing
			s.o.Log.Error().Err(err).Msg("admin socket: the peer is not known")
			return ctx
		}
		return withCaller(ctx, caller{actor: actor, role: local})
	}
	return server
}

// newHTTPServer bounds what a peer can hold up. Answers get their time when they
// are there: an act may take long.
func (s *Server) newHTTPServer(h http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // one request at a time is all that operators need
	return &http.Server{Handler: h, Protocols: protocols, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaders, ErrorLog: log.New(complaints{s.o.Log}, "", 0)}
}

// complaints writes what net/http says of peers into the log.
type complaints struct{ log zerolog.Logger }

func (c complaints) Write(line []byte) (int, error) {
	c.log.Debug().Str("says", strings.TrimSpace(string(line))).Msg("http")
	return len(line), nil
}

// Address is where HTTP listens; empty for nowhere.
func (s *Server) Address() string {
	if len(s.doors) < 2 {
		return ""
	}
	return s.doors[1].listener.Addr().String()
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, d := range s.doors {
		g.Go(func() error { return d.run(ctx) })
	}
	return g.Wait()
}

func (d door) run(ctx context.Context) error {
	d.server.BaseContext = func(net.Listener) context.Context { return ctx } // what streams or waits ends with it
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if d.server.Shutdown(limit) != nil { // somebody takes no answer
			_ = d.server.Close()
		}
	})
	err := d.server.Serve(d.listener)
	if !stop() {
		<-ended
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return nil
}

// Close gives the addresses back when Run was never called.
func (s *Server) Close() error {
	var errs []error
	for _, d := range s.doors {
		errs = append(errs, d.listener.Close())
	}
	return errors.Join(errs...)
}
