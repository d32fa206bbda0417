package zmq_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

func curveServer(admit func(curve.Public) (zmq.Admitted, error), secrets ...*curve.Secret) zmq.Security {
	return zmq.Security{Curve: &zmq.Curve{Secrets: secrets, Admit: admit}}
}

func curveClient(own *curve.Secret, server curve.Public) zmq.Security {
	return zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{own}, Server: server}}
}

// only admits one key, to some topics.
func only(key curve.Public, name string, topics ...string) func(curve.Public) (zmq.Admitted, error) {
	return func(client curve.Public) (zmq.Admitted, error) {
		if client != key {
			return zmq.Admitted{}, errors.New("not listed")
		}
		return zmq.Admitted{Name: name, Topics: topics}, nil
	}
}

func TestCurveCarriesMessages(t *testing.T) {
	server, client := curve.NewSecret(), curve.NewSecret()
	pull := zmq.NewPull(zmq.Options{Security: curveServer(only(client.Public(), "billing"), server)})
	push := zmq.NewPush(zmq.Options{Security: curveClient(client, server.Public())})
	connect(t, push, listen(t, pull))
	run(t, pull)
	run(t, push)
	for _, want := range samples() {
		if err := push.Send(soon(t), want); err != nil {
			t.Fatal(err)
		}
		got, err := pull.Recv(soon(t))
		if err != nil || text(got.Frames) != text(want) {
			t.Fatalf("want %.80s, got %.80s, %v", text(want), text(got.Frames), err)
		}
		if p := got.Peer; p.Name() != "billing" || p.Key() != client.Public() || p.Facts().Mechanism != "CURVE" {
			t.Fatalf("%q %v %+v", p.Name(), p.Key(), p.Facts())
		}
	}
	balanced(t, push.Stats().Counts)
	if p := push.Peers()[0]; p.Key() != server.Public() {
		t.Error("the client knows another server")
	}
}

func TestCurveRefusesAndCounts(t *testing.T) {
	server, listed := curve.NewSecret(), curve.NewSecret()
	for name, c := range map[string]struct {
		client       zmq.Security
		admit        func(curve.Public) (zmq.Admitted, error)
		ours, theirs zmq.Reason
	}{
		"a key that is not listed":     {curveClient(curve.NewSecret(), server.Public()), only(listed.Public(), ""), zmq.ReasonKey, zmq.ReasonRejected},
		"every key where none is":      {curveClient(listed, server.Public()), nil, zmq.ReasonKey, zmq.ReasonRejected},
		"a client of another server":   {curveClient(listed, curve.NewSecret().Public()), zmq.AdmitAny, zmq.ReasonServerKey, zmq.ReasonEnded},
		"a client without a mechanism": {zmq.Security{}, zmq.AdmitAny, zmq.ReasonMechanism, zmq.ReasonMechanism},
	} {
		t.Run(name, func(t *testing.T) {
			var here, there observed
			pull := zmq.NewPull(zmq.Options{Security: curveServer(c.admit, server), Observe: here.add})
			push := zmq.NewPush(zmq.Options{Security: c.client, Observe: there.add})
			connect(t, push, listen(t, pull))
			run(t, pull)
			run(t, push)
			await(t, "the refusal", func() bool { return here.has(zmq.Refused, c.ours) && there.has(zmq.Refused, c.theirs) })
			if s := pull.Stats(); s.Reasons[c.ours] == 0 || s.Accepted != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestSecurityIsWhole(t *testing.T) {
	own := curve.NewSecret()
	for name, s := range map[string]zmq.Security{
		"curve without a secret":     {Curve: &zmq.Curve{}},
		"curve with none":            {Curve: &zmq.Curve{Secrets: []*curve.Secret{nil}}},
		"curve and tls":              {Curve: &zmq.Curve{Secrets: []*curve.Secret{own}, Server: own.Public()}, TLS: &tls.Config{}},
		"tls without a certificate":  {TLS: &tls.Config{}},
		"curve without a server key": {Curve: &zmq.Curve{Secrets: []*curve.Secret{own}}},
	} {
		pull := zmq.NewPull(zmq.Options{Security: s})
		_, listens := pull.Listen("tcp://127.0.0.1:0")
		connects := pull.Connect("tcp://127.0.0.1:1")
		if listens == nil && connects == nil {
			t.Errorf("%s: nothing is said", name)
		}
		run(t, pull)
	}
}

// Clients that pin the old key, and those that pin the new one, get in while
// both serve; connections go on over the change; then the old one ends.
func TestCurveServerKeyRotates(t *testing.T) {
	old, fresh, client := curve.NewSecret(), curve.NewSecret(), curve.NewSecret()
	var events observed
	pull := zmq.NewPull(zmq.Options{Security: curveServer(zmq.AdmitAny, old), Observe: events.add})
	endpoint := listen(t, pull)
	run(t, pull)
	dial := func(pinned curve.Public) *zmq.Push {
		push := zmq.NewPush(zmq.Options{Security: curveClient(client, pinned), Backoff: zmq.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}})
		connect(t, push, endpoint)
		run(t, push)
		return push
	}
	passes := func(push *zmq.Push) {
		t.Helper()
		if err := push.Send(soon(t), message("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := pull.Recv(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	early := dial(old.Public())
	passes(early)
	if err := pull.Secure(curveServer(zmq.AdmitAny, fresh, old)); err != nil {
		t.Fatal(err)
	}
	passes(dial(old.Public()))
	passes(dial(fresh.Public()))
	if err := pull.Secure(curveServer(zmq.AdmitAny, fresh)); err != nil {
		t.Fatal(err)
	}
	passes(early)
	dial(old.Public())
	await(t, "the refusal of the old key", func() bool { return events.has(zmq.Refused, zmq.ReasonServerKey) })
	if err := pull.Secure(zmq.Security{Curve: &zmq.Curve{}}); err == nil {
		t.Error("no key at all is taken")
	}
	if s := pull.Stats(); s.Accepted != 3 || s.Cut != 0 {
		t.Errorf("%+v", s)
	}
}

func TestSubscriptionsOutsideTopicsAreIgnoredAndCounted(t *testing.T) {
	server, client := curve.NewSecret(), curve.NewSecret()
	pub := zmq.NewPub(zmq.Options{Security: curveServer(only(client.Public(), "reader", "order."), server)})
	sub := zmq.NewSub(zmq.Options{Security: curveClient(client, server.Public())})
	for _, prefix := range []string{"", "ord", "order.eu.", "payment."} {
		sub.Subscribe(prefix)
	}
	connect(t, sub, listen(t, pub))
	run(t, pub)
	run(t, sub)
	await(t, "the subscriptions", func() bool { s := pub.Stats(); return s.Received == 4 })
	for _, topic := range []string{"payment.eu.1", "order.us.1", "order.eu.1"} {
		if err := pub.Send(message(topic)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := sub.Recv(soon(t)); err != nil || text(got.Frames) != `["order.eu.1"]` {
		t.Fatal(text(got.Frames), err)
	}
	s := pub.Stats()
	if f := pub.Peers()[0].Facts(); s.Ignored != 3 || s.Matched != 1 || f.Ignored != 3 || f.Topics != 1 {
		t.Errorf("%+v %+v", s, f)
	}
}

func TestPeerCut(t *testing.T) {
	var events observed
	pull := zmq.NewPull(zmq.Options{Observe: events.add})
	r := dialRaw(t, listen(t, pull))
	run(t, pull)
	r.handshake(0, "PUSH")
	await(t, "the peer", func() bool { return len(pull.Peers()) == 1 })
	pull.Peers()[0].Cut(errors.New("its key was revoked"))
	r.ended()
	await(t, "the cut", func() bool { return events.has(zmq.Cut, zmq.ReasonCut) })
}

// authority makes certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, pool: x509.NewCertPool()}
	a.cert, a.key, _ = a.issue("authority", nil)
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) issue(name string, ips []net.IP) (*x509.Certificate, *ecdsa.PrivateKey, tls.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: ips,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: a.cert == nil}
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	_, _, serverCert := a.issue("router", []net.IP{net.IPv4(127, 0, 0, 1)})
	_, _, clientCert := a.issue("billing", nil)
	server := zmq.Security{TLS: &tls.Config{Certificates: []tls.Certificate{serverCert}, ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert}}
	t.Run("both sides proven", func(t *testing.T) {
		push := zmq.NewPush(zmq.Options{Security: server})
		pull := zmq.NewPull(zmq.Options{Security: zmq.Security{TLS: &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{clientCert}}}})
		connect(t, pull, listen(t, push))
		run(t, push)
		stop := run(t, pull)
		for _, want := range samples() {
			if err := push.Send(soon(t), want); err != nil {
				t.Fatal(err)
			}
			if got, err := pull.Recv(soon(t)); err != nil || text(got.Frames) != text(want) {
				t.Fatalf("want %.80s, got %.80s, %v", text(want), text(got.Frames), err)
			}
		}
		if p := push.Peers()[0]; p.Name() != "billing" || p.Facts().Mechanism != "TLS" {
			t.Errorf("%q %+v", p.Name(), p.Facts())
		}
		stop()
		await(t, "the end of the peer", func() bool { return len(push.Peers()) == 0 })
		balanced(t, push.Stats().Counts)
	})
	for name, client := range map[string]zmq.Security{
		"without a certificate":      {TLS: &tls.Config{RootCAs: a.pool}},
		"in the clear":               {},
		"with a stranger's":          {TLS: &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{stranger(t)}}},
		"that do not trust the CA":   {TLS: &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{clientCert}}},
		"that expect another router": {TLS: &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{clientCert}, ServerName: "other.example"}},
	} {
		t.Run("refuses clients "+name, func(t *testing.T) {
			var events observed
			push := zmq.NewPush(zmq.Options{Security: server, Observe: events.add, Limits: zmq.Limits{HandshakeTimeout: time.Second}})
			pull := zmq.NewPull(zmq.Options{Security: client})
			connect(t, pull, listen(t, push))
			run(t, push)
			run(t, pull)
			await(t, "the refusal", func() bool { return events.has(zmq.Refused, zmq.ReasonTLS) })
			if s := push.Stats(); s.Accepted != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func stranger(t *testing.T) tls.Certificate {
	_, _, cert := newAuthority(t).issue("billing", nil)
	return cert
}
