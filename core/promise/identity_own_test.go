package promise_test

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// ownIssuers starts issuers and gives their [[auth]], which is one.
func ownIssuers(t *testing.T, n int) ([]*jwkstest.Issuer, string) {
	t.Helper()
	issuers := make([]*jwkstest.Issuer, n)
	auth := tokens{name: "own", plugin: "oidc", alg: "ES256", clients: []string{edgeClient}}
	for i := range issuers {
		issuers[i] = jwkstest.Start(t, fmt.Sprintf("/%d", i), "ES256")
		issuers[i].Misbehave(jwkstest.Behaviour{CacheControl: "max-age=3600"}) // nobody asks again but for a reason
		auth.issuers = append(auth.issuers, issuers[i].URL())
	}
	auth.config = fmt.Sprintf("ca_file = %q", issuers[0].CAFile(t))
	return issuers, auth.String()
}

// access is a token that has every right.
func access(of *jwkstest.Issuer) string { return of.Sign(accessClaims(of), "typ", "at+jwt") }

// accessClaims are those of an access token (RFC 9068) that has every right.
func accessClaims(of *jwkstest.Issuer) map[string]any {
	now := time.Now()
	return map[string]any{"iss": of.URL(), "aud": audience, "sub": edgeClient, "client_id": edgeClient, "scope": "orders:write",
		"iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "jti": fmt.Sprint(now.UnixNano())}
}

// bell is a listener that nobody should ring.
type bell struct {
	net.Listener
	rung  atomic.Int64
	going sync.WaitGroup
}

func newBell(t *testing.T) *bell {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bell{Listener: l}
	b.going.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.rung.Add(1)
			_ = c.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); b.going.Wait() })
	return b
}

// silent wants that nobody rang, and that one who rings is heard.
func (b *bell) silent(t *testing.T, who string) {
	t.Helper()
	if n := b.rung.Load(); n != 0 {
		t.Errorf("%s: %d connections", who, n)
	}
	c, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	eventually(t, "the bell works", func() bool { return b.rung.Load() > 0 })
}
