package promise_test

import (
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
)

// front stands between an edge and a router's HTTP door, as a proxy or a network
// does, and treats what passes badly.
type front struct {
	*router
	address string
	proxy   *httputil.ReverseProxy
	storm   atomic.Bool // 503 for most
	cutting atomic.Bool // answers are cut for most, after the router has given them
	asked   atomic.Int64
	cuts    atomic.Int64
	storms  atomic.Int64

	mu     sync.Mutex
	server *http.Server
	ended  chan struct{}
}

func (r *router) front() *front {
	r.Helper()
	to, err := url.Parse(r.edge.url)
	if err != nil {
		r.Fatal(err)
	}
	f := &front{router: r, address: freeAddress(r.T)}
	f.proxy = &httputil.ReverseProxy{
		Rewrite:        func(p *httputil.ProxyRequest) { p.SetURL(&url.URL{Scheme: to.Scheme, Host: to.Host}) },
		ModifyResponse: f.pass,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	f.open()
	r.Cleanup(f.close)
	return f
}

func (f *front) url() string { return "http://" + f.address }

// open listens, again after a close.
func (f *front) open() {
	f.Helper()
	l, err := net.Listen("tcp", f.address)
	if err != nil {
		f.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	server, ended := &http.Server{Handler: f}, make(chan struct{})
	f.server, f.ended = server, ended
	go func() { defer close(ended); _ = server.Serve(l) }()
}

// close ends every connection; who dials is refused.
func (f *front) close() {
	f.mu.Lock()
	server, ended := f.server, f.ended
	f.mu.Unlock()
	_ = server.Close()
	<-ended
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.asked.Add(1)
	if f.storm.Load() && rand.IntN(10) < 7 {
		f.storms.Add(1)
		w.Header().Set("Retry-After", "1")
		http.Error(w, `{"code":"overloaded"}`, http.StatusServiceUnavailable)
		return
	}
	f.proxy.ServeHTTP(w, r)
}

// pass lets an answer through, or cuts the connection in its place: the router
// has accepted, and who asked will never know.
func (f *front) pass(*http.Response) error {
	if f.cutting.Load() && rand.IntN(10) < 5 {
		f.cuts.Add(1)
		panic(http.ErrAbortHandler)
	}
	return nil
}
