package ingress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"

	"github.com/headgate-io/headgate/core/intake"
)

// Intake is what a door hands submissions and questions to.
type Intake interface {
	Accept(ctx context.Context, s intake.Submission) (intake.Receipt, error)
	Ask(ctx context.Context, q intake.Question) (*intake.Document, error)
}

var _ Intake = (*intake.Intake)(nil)

// HTTPLimits bound what peers can make a door hold.
type HTTPLimits struct {
	Body          int64         // bytes of a request body
	Headers       int           // bytes of request line and headers
	HeaderTimeout time.Duration // until the headers are read
	BodyTimeout   time.Duration // until the body is read
	IdleTimeout   time.Duration // an unused connection is closed
	Connections   int           // open at once
	Requests      int           // worked on at once
	Streams       int           // HTTP/2 streams per connection
}

// HTTPOptions are what an HTTP door is made of.
type HTTPOptions struct {
	Name          string
	Intake        Intake
	TLS           *tls.Config    // nil for plain HTTP
	Behind        []netip.Prefix // peers that may connect; empty for any
	DefaultKeyIDs []string
	Keys          func() []byte // the JWK Set of /.well-known/jwks.json, as it is now
	Limits        HTTPLimits
	Log           zerolog.Logger
}

// HTTP is a door for HTTP/1.1 and HTTP/2.
type HTTP struct {
	o        HTTPOptions
	listener net.Listener
	server   *http.Server
	busy     chan struct{}
}

// answerTimeout is what an answer may take beyond the longest wait that can be
// asked for (25 s): the outbox's commit and a slow reader.
const answerTimeout = 60 * time.Second

// NewHTTP returns a door that is shut until Listen and Run.
func NewHTTP(o HTTPOptions) *HTTP {
	d := &HTTP{o: o, busy: make(chan struct{}, o.Limits.Requests)}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(o.TLS != nil)
	protocols.SetUnencryptedHTTP2(o.TLS == nil)
	d.server = &http.Server{
		Handler:           d.routes(),
		TLSConfig:         o.TLS,
		ReadHeaderTimeout: o.Limits.HeaderTimeout,
		WriteTimeout:      o.Limits.HeaderTimeout + o.Limits.BodyTimeout + answerTimeout,
		IdleTimeout:       o.Limits.IdleTimeout,
		MaxHeaderBytes:    o.Limits.Headers,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: o.Limits.Streams},
		ErrorLog:          log.New(errorLog{o.Log}, "", 0),
	}
	return d
}

// errorLog takes what net/http says about single connections.
type errorLog struct{ log zerolog.Logger }

func (l errorLog) Write(line []byte) (int, error) {
	l.log.Debug().Bytes("text", line).Msg("http")
	return len(line), nil
}

// Listen binds address, host:port, and returns the one it got.
func (d *HTTP) Listen(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: stop what listens there, or set another listen", err)
	}
	if err != nil {
		return "", fmt.Errorf("ingress %s: %w", d.o.Name, err)
	}
	bound := l.Addr().String()
	if len(d.o.Behind) > 0 {
		l = &behind{Listener: l, from: d.o.Behind, log: d.o.Log}
	}
	d.listener = netutil.LimitListener(l, d.o.Limits.Connections)
	return bound, nil
}

// Run serves until ctx ends, then lets requests under way finish for up to
// drain before it cuts them.
func (d *HTTP) Run(ctx context.Context, drain time.Duration) error {
	served := make(chan error, 1)
	go func() {
		if d.o.TLS != nil {
			served <- d.server.ServeTLS(d.listener, "", "")
			return
		}
		served <- d.server.Serve(d.listener)
	}()
	select {
	case err := <-served:
		return fmt.Errorf("ingress %s: %w", d.o.Name, err)
	case <-ctx.Done():
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := d.server.Shutdown(finish); err != nil {
		_ = d.server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("ingress %s: %w", d.o.Name, err)
	}
	return nil
}

// Close gives the address back when Run was never called.
func (d *HTTP) Close() error { return d.listener.Close() }

// behind cuts peers that are not one of the proxies which end TLS.
type behind struct {
	net.Listener
	from []netip.Prefix
	log  zerolog.Logger
}

// Accept returns the next connection of a named proxy.
func (b *behind) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if b.allows(c.RemoteAddr()) {
			return c, nil
		}
		b.log.Warn().Stringer("addr", c.RemoteAddr()).Msg("cut: the peer is not one of behind")
		_ = c.Close()
	}
}

func (b *behind) allows(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return false
	}
	for _, p := range b.from {
		if p.Contains(ap.Addr().Unmap()) {
			return true
		}
	}
	return false
}
