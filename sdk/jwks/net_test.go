package jwks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// network is one in memory, so that a test's clock is a fake one: time passes
// when everybody waits.
type network struct {
	mu     sync.Mutex
	places map[string]*listener
	dialed []string
}

func (n *network) listen(address string) net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.places == nil {
		n.places = make(map[string]*listener)
	}
	n.places[address] = newListener(address)
	return n.places[address]
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dialed = append(n.dialed, address)
	place := n.places[address]
	n.mu.Unlock()
	if place == nil {
		return nil, fmt.Errorf("nobody is at %s", address)
	}
	return place.dial(ctx)
}

// elsewhere are the addresses that were dialled but for those given.
func (n *network) elsewhere(but ...string) (list []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, address := range n.dialed {
		if !slices.Contains(but, address) {
			list = append(list, address)
		}
	}
	return list
}

// The addresses of the first and the second issuer of a test.
const (
	first  = "example.com:443"
	second = "example.com:8443"
)

// issuer serves one at an address of the network.
func (n *network) issuer(t *testing.T, address string, algs ...string) *jwkstest.Issuer {
	t.Helper()
	idp := jwkstest.New("https://"+strings.TrimSuffix(address, ":443"), "/oauth2/default", algs...)
	idp.Serve(t, n.listen(address))
	return idp
}

// source follows an issuer by sound rules.
func source(issuer string, algs ...string) jwks.Source {
	return jwks.Source{Trust: sdk.IssuerTrust{Issuer: issuer, Audiences: []string{"api://headgate"}, Algs: algs, Leeway: time.Minute, MaxLifetime: time.Hour}}
}

// watched is a Watch under way.
type watched struct {
	provider *jwks.Provider
	log      *log
	stop     func()
	first    chan sdk.TrustBundle // of those whom a bundle is enough; nil for nobody

	mu      sync.Mutex
	bundles []sdk.TrustBundle
	refuse  error
}

// options are those of issuers in the network, with delays as they are without
// chance.
func (n *network) options(idps []*jwkstest.Issuer, algs ...string) jwks.Options {
	o := jwks.Options{}
	for _, idp := range idps {
		o.CA = idp.CA()
		o.Sources = append(o.Sources, source(idp.URL(), algs...))
	}
	return o.Within(n.dial, 0.5)
}

// watch follows until the test ends.
func watch(t *testing.T, o jwks.Options) *watched {
	t.Helper()
	w := &watched{log: &log{}}
	o.Log = slog.New(slog.NewTextHandler(w.log, nil))
	p, err := jwks.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.provider = p
	w.again(t)
	return w
}

func (w *watched) again(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- w.provider.Watch(ctx, w.publish) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch ends by %v", err)
		}
	})
	t.Cleanup(w.stop)
}

func (w *watched) publish(_ context.Context, b sdk.TrustBundle) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bundles = append(w.bundles, b)
	select {
	case w.first <- b:
	default: // nobody waits for another
	}
	return w.refuse
}

// answer is what each publish gets from now on.
func (w *watched) answer(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = err
}

// all waits until nothing more happens, and gives every bundle.
func (w *watched) all() []sdk.TrustBundle {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.bundles)
}

// last is the newest bundle.
func (w *watched) last(t *testing.T) sdk.TrustBundle {
	t.Helper()
	all := w.all()
	if len(all) == 0 {
		t.Fatalf("no bundle came; the log is:\n%s", w.log)
	}
	return all[len(all)-1]
}

// log keeps what was logged.
type log struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{} // holds something after a Write; nil for nobody who waits
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.written <- struct{}{}:
	default: // it is known that there is more
	}
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
