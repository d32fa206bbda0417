package zmq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk/curve"
)

// Security is how a socket proves itself and whom it lets in. The zero value is
// mechanism NULL in the clear. At most one of Curve and TLS is set.
type Security struct {
	Curve *Curve
	// TLS carries connections with mechanism NULL: the server's side where the
	// socket listens, the client's where it connects. ServerName may be empty:
	// then it is the host of each endpoint.
	TLS *tls.Config
}

// Curve is mechanism CURVE (RFC 26): a socket that listens is the server of its
// connections, one that connects the client.
type Curve struct {
	// Secrets are the socket's own keys. As a server it answers to each of
	// them, as a client it uses the first.
	Secrets []*curve.Secret
	// Server is the key that the sockets reached by Connect must prove.
	Server curve.Public
	// Admit decides about a client that has proven its key. It is called from
	// several goroutines and must not block. Nil admits nobody.
	Admit func(client curve.Public) (Admitted, error)
}

// Admitted is what a server makes of a client's key.
type Admitted struct {
	Name string // for Facts and logs
	// Topics are what a Pub lets the client subscribe to: prefixes that begin
	// with one of them. None lets it see nothing, an empty one everything.
	Topics []string
}

// AdmitAny is an Admit that lets in whoever proves any key, to see everything.
func AdmitAny(curve.Public) (Admitted, error) { return Admitted{Topics: []string{""}}, nil }

// check says what is missing, for a socket that listens or connects.
func (s *Security) check(listens bool) error {
	c := s.Curve
	switch {
	case c != nil && s.TLS != nil:
		return errors.New("zmq: CURVE and TLS: one of the two")
	case c != nil && (len(c.Secrets) == 0 || slices.Contains(c.Secrets, nil)):
		return errors.New("zmq: CURVE needs a secret key")
	case c != nil && !listens && c.Server == curve.Public{}:
		return errors.New("zmq: CURVE needs the server's public key to connect")
	case s.TLS != nil && listens && len(s.TLS.Certificates) == 0 && s.TLS.GetCertificate == nil && s.TLS.GetConfigForClient == nil:
		return errors.New("zmq: TLS needs a certificate to listen")
	}
	return nil
}

func (s *Security) mechanism() string {
	if s.Curve != nil {
		return mechanismCurve
	}
	return mechanismNull
}

// proof is what a peer has proven of itself.
type proof struct {
	mechanism string // "NULL", "CURVE" or "TLS"
	key       curve.Public
	Admitted
	bounded bool // to its Topics
}

// may reports whether a subscriber may subscribe to prefix.
func (p *proof) may(prefix []byte) bool {
	return !p.bounded || slices.ContainsFunc(p.Topics, func(topic string) bool { return strings.HasPrefix(string(prefix), topic) })
}

// tunnel takes conn through the handshake of TLS, if there is any.
func (s *Security) tunnel(ctx context.Context, conn net.Conn, host string, server bool) (net.Conn, proof, error) {
	if s.TLS == nil {
		return conn, proof{mechanism: mechanismNull}, nil
	}
	var link *tls.Conn
	if server {
		link = tls.Server(conn, s.TLS)
	} else {
		config := s.TLS
		if config.ServerName == "" {
			config = config.Clone()
			config.ServerName = host
		}
		link = tls.Client(conn, config)
	}
	if err := link.HandshakeContext(ctx); err != nil {
		return nil, proof{}, fmt.Errorf("%w: %w", ReasonTLS, err)
	}
	return link, proof{mechanism: "TLS", Admitted: Admitted{Name: certified(link)}}, nil
}

// certified is the name in a peer's certificate, empty for none.
func certified(link *tls.Conn) string {
	chain := link.ConnectionState().PeerCertificates
	switch {
	case len(chain) == 0:
		return ""
	case chain[0].Subject.CommonName == "" && len(chain[0].DNSNames) > 0:
		return chain[0].DNSNames[0]
	}
	return chain[0].Subject.CommonName
}

// shake runs CURVE after the greetings.
func (s *Security) shake(wire curve.Wire, conn net.Conn, server bool) (*sealed, proof, error) {
	proven := proof{mechanism: mechanismCurve}
	var session *curve.Session
	var err error
	if server {
		session, err = (&curve.Server{Secrets: s.Curve.Secrets, Admit: func(client curve.Public) (err error) {
			if s.Curve.Admit == nil {
				return errors.New("nobody is")
			}
			proven.bounded = true
			proven.Admitted, err = s.Curve.Admit(client)
			return err
		}}).Handshake(wire)
	} else {
		session, err = (&curve.Client{Secret: s.Curve.Secrets[0], Server: s.Curve.Server}).Handshake(wire)
	}
	if err != nil {
		return nil, proof{}, err
	}
	proven.key = session.Peer
	return &sealed{conn, session}, proven, nil
}

// sealed is a connection on which frames are sealed and opened.
type sealed struct {
	net.Conn
	session *curve.Session
}

// Read gives frames in the clear.
func (c *sealed) Read(p []byte) (int, error) { return c.session.Read(p) }

// Write seals frames. Its count is of those that the kernel has whole.
func (c *sealed) Write(p []byte) (int, error) { return c.session.Write(p) }

// CloseWrite ends what this side sends.
func (c *sealed) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
