package admin

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

// HTTP is the door for operators on other machines, and for what watches the
// router.
type HTTP struct {
	Address string       // HOST:PORT
	TLS     *tls.Config  // nil for none; client certificates are to be verified where they are given
	Metrics http.Handler // nil for none
	Access  Access       // the first one; Server.Use swaps it
}

// Access is who may ask over HTTP, and by which name.
type Access struct {
	Hosts   []string // beside localhost, that of Address, and IP addresses
	Tokens  []Token
	Clients []Certificate
}

const (
	// maxConnections is far more than operators, probes and scrapers have.
	maxConnections = 256
	// maxProfile is the longest that a profile may be taken: one keeps others from
	// being taken.
	maxProfile = 4 * time.Minute
	// profileTime is the longest that a profile may take to be made and sent.
	profileTime = maxProfile + time.Minute
)

// listenHTTP binds the address. Each handshake has the TLS of its time.
func (s *Server) listenHTTP() (net.Listener, error) {
	l, err := net.Listen("tcp", s.o.HTTP.Address)
	if err != nil {
		return nil, err
	}
	l = netutil.LimitListener(l, maxConnections)
	if s.o.HTTP.TLS != nil {
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return s.terms.Load().tls, nil
		}})
	}
	return l, nil
}

// httpServer serves everybody, each what is theirs.
func (s *Server) httpServer() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("/livez", s.health())
	mux.Handle("/readyz", s.health())
	if s.o.HTTP.Metrics != nil {
		mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
			s.allow(w, writeTimeout)
			s.o.HTTP.Metrics.ServeHTTP(w, r)
		})
	}
	mux.Handle("/v1/", s.known(s.api()))
	for pattern, serve := range map[string]http.HandlerFunc{"/debug/pprof/": pprof.Index, "/debug/pprof/cmdline": pprof.Cmdline,
		"/debug/pprof/profile": pprof.Profile, "/debug/pprof/symbol": pprof.Symbol, "/debug/pprof/trace": pprof.Trace} {
		mux.Handle(pattern, s.known(s.only(Operate, s.profile(serve))))
	}
	return s.newHTTPServer(s.guarded(mux))
}

// profile takes one, for the seconds that are asked for.
func (s *Server) profile(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if n, err := strconv.ParseFloat(r.FormValue("seconds"), 64); err == nil && !(n <= maxProfile.Seconds()) {
			s.write(w, http.StatusBadRequest, fault{Error: fmt.Sprintf("a profile takes %.0f seconds at most", maxProfile.Seconds())})
			return
		}
		s.allow(w, profileTime)
		serve(w, r)
	}
}

// guarded keeps web pages out, wherever a browser has them from: by a name that
// stands for this address only today (DNS rebinding), or by a request across
// origins.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case !s.answersTo(r.Host):
			s.deny(w, r, http.StatusMisdirectedRequest, "host", "this is not known by that name: [admin] hosts lists its names")
		case !ownOrigin(r):
			s.deny(w, r, http.StatusForbidden, "origin", "this is not for web pages")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// answersTo tells whether a Host header (RFC 9110, section 7.2) is one of ours.
// Who writes an IP address has looked up no name that could lie.
func (s *Server) answersTo(host string) bool {
	name := hostname(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	is := func(own string) bool { return own != "" && strings.EqualFold(own, name) }
	return is("localhost") || is(hostname(s.o.HTTP.Address)) || slices.ContainsFunc(s.terms.Load().Hosts, is)
}

// hostname takes the port off, and the brackets of IPv6.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// ownOrigin tells whether a request comes from no web page, or from one of its own
// host (RFC 6454). A browser that loads something for a page, and shows our
// certificate with it, may say so by Sec-Fetch-Site alone (W3C Fetch Metadata).
func ownOrigin(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" { // none: somebody has typed it
			return false
		}
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		if err != nil || u.Scheme != scheme || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	return true
}

// known lets through who proves to be somebody.
func (s *Server) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, ok := s.identify(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.deny(w, r, http.StatusUnauthorized, "unauthenticated", "this needs a token of [[admin.tokens]], or a certificate of [[admin.clients]]")
			return
		}
		next.ServeHTTP(w, r.WithContext(withCaller(r.Context(), by)))
	})
}

// identify tells who asks, by the terms of now. A token that is none does not fall
// back to a certificate.
func (s *Server) identify(r *http.Request) (caller, bool) {
	now := s.terms.Load()
	shown := r.Header.Values("Authorization")
	if len(shown) > 0 {
		scheme, secret, found := strings.Cut(shown[0], " ")
		if len(shown) > 1 || !found || !strings.EqualFold(scheme, "Bearer") {
			return caller{}, false
		}
		t, ok := tokenOf(now.Tokens, secret)
		return caller{actor: "token:" + t.Name, role: t.Role, addr: r.RemoteAddr}, ok
	}
	cert := now.vouched(r.TLS)
	if cert == nil {
		return caller{}, false
	}
	c, ok := clientOf(now.Clients, cert)
	return caller{actor: "cert:" + c.Name, role: c.Role, addr: r.RemoteAddr}, ok
}
