package metrics_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
)

// stuck takes nothing of its answer until it is let go.
type stuck struct {
	*httptest.ResponseRecorder
	begun, letGo chan struct{}
}

func (s stuck) Write(text []byte) (int, error) {
	s.begun <- struct{}{}
	<-s.letGo
	return s.ResponseRecorder.Write(text)
}

// TestWhoReadsNothingKeepsNobody from an answer.
func TestWhoReadsNothingKeepsNobody(t *testing.T) {
	h := counted().Handler(whole(), zerolog.Nop())
	begun, letGo := make(chan struct{}, 100), make(chan struct{})
	var reading sync.WaitGroup
	for range 5 {
		reading.Go(func() {
			h.ServeHTTP(stuck{httptest.NewRecorder(), begun, letGo}, httptest.NewRequest("GET", "/metrics", nil))
		})
		<-begun
	}
	if got := series(scrape(t, h)); got["headgate_build_info{version=\"v1.2.3\"}"] != 1 {
		t.Errorf("got %v", got)
	}
	close(letGo)
	reading.Wait()
}

// slow is a router that looks at itself for as long as a test wants.
type slow struct {
	*router
	looking chan struct{}
	now     atomic.Int32
	most    atomic.Int32
}

func (s *slow) Top(ctx context.Context) (admin.Top, error) {
	n := s.now.Add(1)
	defer s.now.Add(-1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
	}
	s.looking <- struct{}{}
	return s.router.Top(ctx)
}

// TestScrapesTakeTurns: two look at once, the others come after them, and who has gone
// does not.
func TestScrapesTakeTurns(t *testing.T) {
	s := &slow{router: whole(), looking: make(chan struct{})}
	h := counted().Handler(s, zerolog.Nop())
	gone, leave := context.WithCancel(t.Context())
	var scraping sync.WaitGroup
	codes := make(chan int, 10)
	for range 6 {
		scraping.Go(func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
			codes <- w.Code
		})
	}
	for end := time.Now().Add(20 * time.Second); s.now.Load() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no two look")
		}
	}
	leave()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(gone, "GET", "/metrics", nil)) // returns, though all turns are taken
	if w.Body.Len() > 0 {
		t.Errorf("one that has gone gets %s", w.Body)
	}
	for range 6 {
		<-s.looking
	}
	scraping.Wait()
	for range 6 {
		if code := <-codes; code != 200 {
			t.Errorf("got %d", code)
		}
	}
	if most := s.most.Load(); most != 2 {
		t.Errorf("%d looked at once", most)
	}
}
