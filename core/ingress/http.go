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
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"

	"github.com/headgate-io/headgate/core/intake"
)

// Intake is what a door hands submissions and questions to, once it has admitted
// them.
type Intake interface {
	Admit(ingress string, bytes, announced int64) (intake.Work, error)
	Shed(ingress, bound string) error
	Accept(ctx context.Context, s intake.Submission) (intake.Receipt, error)
	Ask(ctx context.Context, q intake.Question) (*intake.Document, error)
}

var _ Intake = (*intake.Intake)(nil)

// HTTPTerms are what of an HTTP door may change while it runs.
type HTTPTerms struct {
	Terms
	TLS    *tls.Config    // nil for plain HTTP, which does not change
	Behind []netip.Prefix // peers that may connect; empty for any
}

// Terms are what of any door may change while it runs.
type Terms struct {
	DefaultKeyIDs []string
	Body          int64 // bytes of a request body
}

// HTTPLimits bound what peers can make a door hold.
type HTTPLimits struct {
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
	Name   string
	Intake Intake
	Keys   func() []byte // the JWK Set of /.well-known/jwks.json, as it is now
	Terms  HTTPTerms
	Limits HTTPLimits
	Log    zerolog.Logger
}

// HTTP is a door for HTTP/1.1 and HTTP/2.
type HTTP struct {
	o        HTTPOptions
	terms    atomic.Pointer[HTTPTerms]
	bound    net.Listener
	listener net.Listener // bound, behind its limits
	server   *http.Server
	busy     chan struct{}
}

// answerTimeout is what an answer may take beyond the longest wait that can be
// asked for (25 s): the outbox's commit and a slow reader.
const answerTimeout = 60 * time.Second

// NewHTTP returns a door that is shut until Listen and Run.
func NewHTTP(o HTTPOptions) *HTTP {
	d := &HTTP{o: o, busy: make(chan struct{}, o.Limits.Requests)}
	d.terms.Store(&o.Terms)
	secure := o.Terms.TLS != nil
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(secure)
	protocols.SetUnencryptedHTTP2(!secure)
	d.server = &http.Server{
		Handler:           d.routes(),
		ReadHeaderTimeout: o.Limits.HeaderTimeout,
		WriteTimeout:      o.Limits.HeaderTimeout + o.Limits.BodyTimeout + answerTimeout,
		IdleTimeout:       o.Limits.IdleTimeout,
		MaxHeaderBytes:    o.Limits.Headers,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: o.Limits.Streams},
		ErrorLog:          log.New(errorLog{o.Log}, "", 0),
	}
	if secure {
		d.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: d.tlsNow}
	}
	return d
}

// protocolsOfTLS are what is negotiated in the handshake (RFC 7301), best first.
var protocolsOfTLS = []string{"h2", "http/1.1"}

// tlsNow is the TLS of the connections that come now.
func (d *HTTP) tlsNow(*tls.ClientHelloInfo) (*tls.Config, error) {
	now := d.terms.Load().TLS.Clone()
	now.NextProtos = protocolsOfTLS
	return now, nil
}

// Change puts other terms in place: for the connections that come from now on
// those of TLS and Behind, for the requests the others. Whether it is TLS stays.
func (d *HTTP) Change(t HTTPTerms) { d.terms.Store(&t) }

// errorLog takes what net/http says about single connections.
type errorLog struct{ log zerolog.Logger }

func (l errorLog) Write(line []byte) (int, error) {
	l.log.Debug().Bytes("text", line).Msg("http")
	return len(line), nil
}

// Listen binds address, host:port, and returns the one it got. An error leaves it
// to the caller to name the door.
func (d *HTTP) Listen(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: stop what listens there, or set another listen", err)
	}
	if err != nil {
		return "", err
	}
	return d.listen(l), nil
}

// Inherit is Listen on the address of a door that is about to end: whoever
// connects meanwhile is served by one of the two.
func (d *HTTP) Inherit(from *HTTP) (string, error) {
	f, err := from.bound.(*net.TCPListener).File()
	if err != nil {
		return "", err
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return "", err
	}
	return d.listen(l), nil
}

func (d *HTTP) listen(l net.Listener) string {
	d.bound = l
	d.listener = netutil.LimitListener(&behind{l, d}, d.o.Limits.Connections)
	return l.Addr().String()
}

// Run serves until ctx ends, then lets requests under way finish for up to
// drain before it cuts them.
func (d *HTTP) Run(ctx context.Context, drain func() time.Duration) error {
	served := make(chan error, 1)
	go func() {
		if d.server.TLSConfig != nil {
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
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain())
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
	door *HTTP
}

// Accept returns the next connection of a named proxy.
func (b *behind) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if from := b.door.terms.Load().Behind; len(from) == 0 || has(from, c.RemoteAddr()) {
			return c, nil
		}
		b.door.o.Log.Warn().Stringer("addr", c.RemoteAddr()).Msg("cut: the peer is not one of behind")
		_ = c.Close()
	}
}

func has(list []netip.Prefix, a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ap.Addr().Unmap()) })
}
