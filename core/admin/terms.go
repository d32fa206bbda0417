package admin

import (
	"crypto/tls"
	"crypto/x509"
)

// terms are what counts for requests over HTTP. They do not change: others take
// their place.
type terms struct {
	Access
	tls  *tls.Config   // nil for none
	over chan struct{} // closed when others count
}

// Use swaps who may ask in one step: for every request that comes from now on, and
// for tails under way, which end where their caller is not who it was.
func (s *Server) Use(a Access) { s.swap(func(t *terms) { t.Access = a }) }

// UseTLS has new connections have other certificates, and certificates of clients
// count by other authorities, those of connections that are open among them. Plain
// HTTP stays plain.
func (s *Server) UseTLS(c *tls.Config) {
	s.swap(func(t *terms) {
		if c != nil && t.tls != nil {
			t.tls = c
		}
	})
}

func (s *Server) swap(change func(*terms)) {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	was := s.terms.Load()
	now := &terms{Access: was.Access, tls: was.tls, over: make(chan struct{})}
	change(now)
	s.terms.Store(now)
	close(was.over)
}

// vouched gives the certificate that a client has shown in the handshake, if an
// authority of now vouches for it now: a connection can be older than both. Nil for
// none.
func (t *terms) vouched(of *tls.ConnectionState) *x509.Certificate {
	if of == nil || len(of.VerifiedChains) == 0 || t.tls == nil || t.tls.ClientCAs == nil { // else Verify takes the system's
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range of.PeerCertificates[1:] {
		between.AddCert(c)
	}
	cert := of.PeerCertificates[0]
	if _, err := cert.Verify(x509.VerifyOptions{Roots: t.tls.ClientCAs, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		return nil
	}
	return cert
}
