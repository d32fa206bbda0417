package zmq_test

import (
	"crypto/rand"
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/nacl/box"
	"golang.org/x/crypto/nacl/secretbox"

	"github.com/headgate-io/headgate/sdk/curve"
)

// hand speaks CURVE by hand (RFC 26), so that each part of it can be wrong.
// It shares no code with package curve.
type hand struct {
	raw
	server            *[32]byte // the key that it means
	public, secret    *[32]byte // its own
	transient, hidden *[32]byte
	theirs            *[32]byte // transient
	cookie            []byte
	session           *[32]byte
}

// key32 is a pair of keys; a given secret one comes from package curve.
func key32() (public, secret *[32]byte) {
	public, secret, _ = box.GenerateKey(rand.Reader)
	return public, secret
}

// newHand means to talk to server.
func newHand(r raw, server curve.Public, public, secret *[32]byte) *hand {
	h := &hand{raw: r, server: (*[32]byte)(&server), public: public, secret: secret}
	h.transient, h.hidden = key32()
	return h
}

func nonce24(prefix string, rest []byte) *[24]byte {
	return (*[24]byte)(slices.Concat([]byte(prefix), rest))
}

func count8(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func random16() []byte {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return b
}

// greets exchanges greetings.
func (h *hand) greets() {
	h.t.Helper()
	g := rawGreeting(1)
	copy(g[12:], "CURVE")
	h.write(g)
	h.read(64)
}

// hello is the body of a HELLO after its name.
func (h *hand) hello() []byte {
	head := make([]byte, 74)
	head[0] = 1
	sealed := box.Seal(nil, make([]byte, 64), nonce24("CurveZMQHELLO---", count8(1)), h.server, h.hidden)
	return slices.Concat(head, h.transient[:], count8(1), sealed)
}

// welcomed reads a WELCOME.
func (h *hand) welcomed() {
	h.t.Helper()
	flags, body := h.frame()
	if flags != 4 || len(body) != 168 || string(body[:8]) != "\x07WELCOME" {
		h.t.Fatalf("no WELCOME: %#x %q", flags, body)
	}
	plain, ok := box.Open(nil, body[24:], nonce24("WELCOME-", body[8:24]), h.server, h.hidden)
	if !ok {
		h.t.Fatal("WELCOME does not open")
	}
	h.theirs, h.cookie = (*[32]byte)(plain[:32]), plain[32:]
	h.session = new([32]byte)
	box.Precompute(h.session, h.theirs, h.hidden)
}

// vouch says that the holder of secret stands behind transient towards server.
func (h *hand) vouch(transient, server, secret *[32]byte) []byte {
	n := random16()
	return box.Seal(n, slices.Concat(transient[:], server[:]), nonce24("VOUCH---", n), h.theirs, secret)
}

// initiate is the body of an INITIATE after its name.
func (h *hand) initiate(count uint64, public *[32]byte, vouch []byte, metadata string) []byte {
	plain := slices.Concat(public[:], vouch, []byte(metadata))
	return slices.Concat(h.cookie, count8(count), box.SealAfterPrecomputation(nil, plain, nonce24("CurveZMQINITIATE", count8(count)), h.session))
}

// honest is an INITIATE with nothing wrong.
func (h *hand) honest() []byte {
	return h.initiate(2, h.public, h.vouch(h.transient, h.server, h.secret), property("Socket-Type", "PUSH"))
}

// say writes a command.
func (h *hand) say(name string, body []byte) { h.write(command(name, string(body))) }

// joins goes through the whole handshake.
func (h *hand) joins() {
	h.t.Helper()
	h.greets()
	h.say("HELLO", h.hello())
	h.welcomed()
	h.say("INITIATE", h.honest())
	if _, body := h.frame(); string(body[:6]) != "\x05READY" {
		h.t.Fatalf("no READY: %q", body)
	}
}

// sealed is a MESSAGE with payload flags and body.
func (h *hand) sealed(count uint64, flags byte, body string) []byte {
	b := box.SealAfterPrecomputation(nil, append([]byte{flags}, body...), nonce24("CurveZMQMESSAGEC", count8(count)), h.session)
	b = slices.Concat([]byte("\x07MESSAGE"), count8(count), b)
	if len(b) > 255 {
		return join(long(0, uint64(len(b))), b)
	}
	return join([]byte{0, byte(len(b))}, b)
}

// welcome answers a HELLO as the server would that has the secret key.
func welcome(hello []byte, secret *[32]byte) (body []byte, transient, hidden *[32]byte) {
	transient, hidden = key32()
	n := random16()
	cookie := secretbox.Seal(n, make([]byte, 64), nonce24("COOKIE--", n), transient)
	n = random16()
	client := (*[32]byte)(hello[80:112])
	return box.Seal(n, slices.Concat(transient[:], cookie), nonce24("WELCOME-", n), client, secret), transient, hidden
}
