package promise_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/headgate-io/headgate/sdk/jwk"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// fault is one on the path by which a router comes to trust a token, while it
// runs.
type fault struct {
	name  string
	auth  *authority        // whose it is; nil for one that is there
	token string            // is accepted without the fault
	other map[string]string // more tokens, and what each gets
	about string            // what is in the lines of the log that tell of it
	says  string            // a regular expression that fits one of them
	times int               // that it says so, before the fault has lasted long enough; 0 for 2
	after bool              // it begins when it is told
}

// authority is an [[auth]] of tokens.
type authority struct {
	tokens
	strict bool // it does not say allow_private
}

func (a *authority) String() string {
	if a.strict {
		return strings.Replace(a.tokens.String(), "allow_private = true\n", "", 1)
	}
	return a.tokens.String()
}

// unavailable is what tokens of an issuer get that the router trusts no keys of.
const unavailable = "503 trust_unavailable"

// faults has issuers that are good but for one answer each, on one server.
type faults struct {
	*testing.T
	origin string
	mux    *http.ServeMux
	auth   *authority // of all issuers that need none of their own
	list   []fault
}

// newFaults makes the [[auth]] that good is also an issuer of.
func newFaults(t *testing.T, good *jwkstest.Issuer) *faults {
	t.Helper()
	mux := http.NewServeMux()
	return &faults{T: t, origin: serveTLS(t, mux, nil), mux: mux, auth: &authority{tokens: tokens{name: "issuers", plugin: "oidc", alg: "ES256",
		issuers: []string{good.URL()}, clients: []string{edgeClient}, config: fmt.Sprintf("ca_file = %q", good.CAFile(t))}}}
}

// serveTLS serves on loopback, with the certificate that issuers have or another.
func serveTLS(t *testing.T, h http.Handler, certificate *tls.Certificate) (origin string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of clients that left, as they should
	if certificate != nil {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// spoil is what an issuer does instead of giving its good answer.
type spoil func(w http.ResponseWriter, r *http.Request, good []byte)

// issuer serves one that spoils its answer at a path.
func (f *faults) issuer(path, alg, at string, do spoil) *jwkstest.Issuer {
	i := jwkstest.New(f.origin, path, alg)
	f.mux.Handle(path+"/", i)
	f.mux.HandleFunc(path+at, func(w http.ResponseWriter, r *http.Request) {
		good := httptest.NewRecorder()
		i.ServeHTTP(good, r)
		w.Header().Set("Content-Type", "application/json")
		do(w, r, good.Body.Bytes())
	})
	return i
}

// add has an issuer fail, whose keys the router cannot fetch.
func (f *faults) add(name string, i *jwkstest.Issuer, says string) *fault {
	return f.addToken(name, i.URL(), access(i), says)
}

func (f *faults) addToken(name, issuer, token, says string) *fault {
	f.auth.issuers = append(f.auth.issuers, issuer)
	return f.put(fault{name: name, token: token, about: fmt.Sprintf("%q", issuer), says: "(" + says + ").*keys are not fetched"})
}

func (f *faults) put(c fault) *fault {
	if c.times == 0 {
		c.times = 2
	}
	f.list = append(f.list, c)
	return &f.list[len(f.list)-1]
}

// dials adds issuers that cannot be asked.
func (f *faults) dials() {
	const keys = jwkstest.KeysPath
	at := func(origin string) *jwkstest.Issuer { return jwkstest.New(origin, "", "ES256") }
	f.add("port closed", at("https://"+freeAddress(f.T)), "connection refused")
	f.add("name not there", at("https://idp.invalid"), `lookup idp\.invalid|no whole answer`).times = 1
	f.add("connection closed", at("https://"+newBell(f.T).Addr().String()), "EOF|reset")
	f.add("connection silent", at("https://"+mute(f.T)), "no whole answer within 5s").times = 1

	certificate := selfSigned(f.T)
	unknown := jwkstest.New(serveTLS(f.T, f.mux, &certificate), "/unknown", "ES256")
	f.mux.Handle("/unknown/", unknown)
	f.add("authority unknown", unknown, "certificate")
	named := jwkstest.New(strings.Replace(f.origin, "127.0.0.1", "localhost", 1), "/named", "ES256")
	f.mux.Handle("/named/", named)
	f.add("certificate of another", named, "certificate is valid for .*, not localhost")

	f.add("answer silent", f.issuer("/hangs", "ES256", keys, func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() }), "no whole answer within 5s").times = 1
	f.add("answer cut", f.issuer("/cut", "ES256", keys, func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }), "EOF|reset")
	f.add("keys moved", f.issuer("/keysmoved", "ES256", keys, moving()), "no redirect is followed")
	f.add("discovery moved", f.issuer("/discoverymoved", "ES256", jwkstest.DiscoveryPath, moving()), "no redirect is followed")

	private := f.issuer("/private", "ES256", keys, honest)
	auth := &authority{tokens{name: "private", plugin: "oidc", alg: "ES256", issuers: []string{private.URL()}, clients: []string{edgeClient}, config: f.auth.config}, true}
	f.put(fault{name: "address private", auth: auth, token: access(private), about: fmt.Sprintf("%q", private.URL()), says: "address 127.0.0.1 is private"})
}

// parses adds issuers whose answers must not be read.
func (f *faults) parses() {
	const discovery, keys = jwkstest.DiscoveryPath, jwkstest.KeysPath
	add := func(name, at, says string, do spoil) *fault {
		return f.add(name, f.issuer("/"+strings.ReplaceAll(name, " ", "-"), "ES256", at, do), says)
	}
	edited := func(change func(doc map[string]any)) spoil {
		return func(w http.ResponseWriter, _ *http.Request, good []byte) {
			var doc map[string]any
			if err := json.Unmarshal(good, &doc); err != nil {
				panic(err)
			}
			change(doc)
			respond(w, []byte(text(f.T, doc)))
		}
	}
	edit := func(member string, value any) spoil {
		return edited(func(doc map[string]any) { doc[member] = value })
	}
	for _, at := range []struct{ name, path string }{{"discovery", discovery}, {"keys", keys}} {
		add(at.name+" a page", at.path, "content type", func(w http.ResponseWriter, _ *http.Request, good []byte) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			respond(w, good)
		})
		add(at.name+" truncated", at.path, "metadata|key set", func(w http.ResponseWriter, _ *http.Request, good []byte) { respond(w, good[:len(good)-1]) })
		add(at.name+" in error", at.path, "status 500", func(w http.ResponseWriter, _ *http.Request, good []byte) {
			w.WriteHeader(http.StatusInternalServerError)
			respond(w, good)
		})
		add(at.name+" huge", at.path, "answer is longer than", func(w http.ResponseWriter, _ *http.Request, good []byte) {
			respond(w, append(bytes.Repeat([]byte(" "), jwk.MaxSetText), good...))
		})
		add(at.name+" twice said", at.path, "metadata|key set", func(w http.ResponseWriter, _ *http.Request, good []byte) {
			respond(w, append([]byte(`{"issuer":"https://idp.example","keys":[],`), good[1:]...))
		})
	}
	add("discovery of another", discovery, "metadata is that of the issuer", edit("issuer", "https://idp.example"))
	add("discovery of nobody", discovery, "metadata is that of the issuer", edit("issuer", nil))
	add("discovery of one much alike", discovery, "metadata is that of the issuer", edited(func(doc map[string]any) { doc["issuer"] = doc["issuer"].(string) + "/" }))
	add("keys elsewhere", discovery, "is at another host than the issuer", edited(func(doc map[string]any) {
		doc["jwks_uri"] = strings.Replace(doc["jwks_uri"].(string), f.origin, f.elsewhere(), 1)
	}))
	add("keys gone", keys, "the key set has no keys", edit("keys", []any{}))
	add("keys for encryption", keys, "no key that can be used", ofFirst(f.T, func(key map[string]any) { key["use"] = "enc" }))
	add("keys without a name", keys, "no key that can be used", ofFirst(f.T, func(key map[string]any) { delete(key, "kid") }))
	add("keys for another alg", keys, "no key that can be used", ofFirst(f.T, func(key map[string]any) { key["alg"] = "ES384" }))
	add("keys of one name", keys, "no key that can be used", edited(func(doc map[string]any) {
		own := doc["keys"].([]any)
		doc["keys"] = append(own, jwkWith(jwkstest.NewKey("ES256"), "kid", own[0].(map[string]any)["kid"]))
	}))
	secret := make([]byte, 32)
	shared := f.issuer("/shared", "ES256", keys, edit("keys", []any{map[string]any{"kty": "oct", "alg": "HS256", "kid": "shared", "k": base64.RawURLEncoding.EncodeToString(secret)}}))
	f.addToken("keys shared", shared.URL(), sharedToken(f.T, secret, accessClaims(shared)), "no key that can be used")

	weak := jwkstest.New(f.origin, "/oauth2/weak", "RS256")
	private, err := rsa.GenerateKey(rand.Reader, jwk.MinRSABits/2)
	if err != nil {
		f.Fatal(err)
	}
	f.mux.Handle("/oauth2/weak/", weak)
	f.mux.HandleFunc("/oauth2/weak"+keys, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		respond(w, []byte(text(f.T, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "kid": "weak", "use": "sig",
			"n": base64.RawURLEncoding.EncodeToString(private.N.Bytes()), "e": "AQAB"}}})))
	})
	key := jwkstest.Key{ID: "weak", Alg: "RS256", Private: private}
	f.put(fault{name: "keys weak", auth: &authority{tokens: tokens{name: "as-okta", plugin: "okta", alg: "RS256", issuers: []string{weak.URL()}, clients: []string{edgeClient}, config: f.auth.config}},
		token: key.Sign(jwkstest.OktaClaims(weak.URL(), audience, edgeClient, time.Now())), about: fmt.Sprintf("%q", weak.URL()), says: "no key that can be used"})
}

// elsewhere is another origin that serves the same, with the same certificate.
func (f *faults) elsewhere() string { return serveTLS(f.T, f.mux, nil) }

func honest(w http.ResponseWriter, _ *http.Request, good []byte) { respond(w, good) }

// moving redirects, once, to where the good answer is.
func moving() spoil {
	return func(w http.ResponseWriter, r *http.Request, good []byte) {
		if r.URL.RawQuery != "" {
			respond(w, good)
			return
		}
		http.Redirect(w, r, r.URL.Path+"?there", http.StatusFound)
	}
}

// ofFirst changes the first key of a set.
func ofFirst(t *testing.T, change func(key map[string]any)) spoil {
	return func(w http.ResponseWriter, _ *http.Request, good []byte) {
		var set struct {
			Keys []map[string]any `json:"keys"`
		}
		if err := json.Unmarshal(good, &set); err != nil {
			panic(err)
		}
		change(set.Keys[0])
		respond(w, []byte(text(t, set)))
	}
}

func respond(w io.Writer, b []byte) { _, _ = w.Write(b) } // whoever asked may be gone

// jwkWith is a public key as a JWK, with another member.
func jwkWith(k jwkstest.Key, member string, value any) map[string]any {
	var members map[string]any
	if err := json.Unmarshal(k.JWK(), &members); err != nil {
		panic(err)
	}
	members[member] = value
	return members
}

// sharedToken is an access token by HS256.
func sharedToken(t *testing.T, secret []byte, claims map[string]any) string {
	t.Helper()
	token := gojwt.NewWithClaims(gojwt.SigningMethodHS256, gojwt.MapClaims(claims))
	token.Header["kid"], token.Header["typ"] = "shared", "at+jwt"
	text, err := token.SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// mute is an address where connections are taken and nothing is ever said.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes them: nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// selfSigned is a certificate for loopback that nobody knows.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
