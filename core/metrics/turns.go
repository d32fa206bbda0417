package metrics

import (
	"bytes"
	"net/http"
)

// turns has a few answers made at a time, each as a whole before any of it is sent.
// So who comes often makes others wait for a moment, and who takes its answer slowly,
// or not at all, nobody.
type turns struct {
	of   http.Handler
	room chan struct{}
}

func newTurns(of http.Handler) *turns { return &turns{of: of, room: make(chan struct{}, maxScrapes)} }

// ServeHTTP implements http.Handler.
func (t *turns) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select { // overflow policy: the server's connections bound who waits
	case t.room <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	a := t.make(w.Header(), r)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // a scraper that is gone
}

func (t *turns) make(h http.Header, r *http.Request) *answer {
	defer func() { <-t.room }()
	a := &answer{header: h, status: http.StatusOK}
	t.of.ServeHTTP(a, r)
	return a
}

// answer is one that is being made.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header            { return a.header }
func (a *answer) WriteHeader(status int)         { a.status = status }
func (a *answer) Write(text []byte) (int, error) { return a.body.Write(text) }
