package topology_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/topology"
	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// heard notes what a channel is told.
type heard struct {
	mu     sync.Mutex
	joined []string
	left   int
}

func (h *heard) Joined(_ uint64, name, _ string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.joined = append(h.joined, name)
}

func (h *heard) Left(uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left++
}

// written is a log that several goroutines write.
type written struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *written) has(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.buf.String(), text)
}

const anywhere = "tcp://127.0.0.1:0"

func server(guests topology.Guests, secrets ...*curve.Secret) topology.Setting {
	return topology.Setting{Listen: anywhere, Security: zmq.Security{Curve: &zmq.Curve{Secrets: secrets}}, Guests: guests}
}

// consumer connects to a channel with a key, or in the clear when it has none.
func consumer(t *testing.T, address string, own *curve.Secret, pinned curve.Public) *zmq.Pull {
	t.Helper()
	o := zmq.Options{Backoff: zmq.Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond}}
	if own != nil {
		o.Security.Curve = &zmq.Curve{Secrets: []*curve.Secret{own}, Server: pinned}
	}
	pull := zmq.NewPull(o)
	if err := pull.Connect(address); err != nil {
		t.Fatal(err)
	}
	run(t, pull)
	return pull
}

func commands(t *testing.T, to topology.Setting) (*topology.Commands, *heard, *written) {
	t.Helper()
	h, w := &heard{}, &written{}
	c, err := topology.NewCommands(topology.Options{Name: "channel commands", Setting: to, Log: zerolog.New(w)}, 8, h)
	if err != nil {
		t.Fatal(err)
	}
	run(t, c)
	return c, h, w
}

// ids are the connections by the name of their key.
func ids(s interface{ Connections() []topology.Connection }) map[string]uint64 {
	out := make(map[string]uint64)
	for _, c := range s.Connections() {
		out[c.Peer] = c.ID
	}
	return out
}

func TestGuestsAreKnownByName(t *testing.T) {
	own, billing := curve.NewSecret(), curve.NewSecret()
	c, h, _ := commands(t, server(topology.Guests{billing.Public(): {Name: "billing"}}, own))
	pull := consumer(t, c.Bound(), billing, own.Public())
	await(t, "the guest", func() bool { return len(c.Connections()) == 1 })
	l := c.Connections()[0]
	if l.Peer != "billing" || l.Key != billing.Public().String() || l.Mechanism != "CURVE" || l.Type != "PULL" || l.Since.IsZero() || !strings.HasPrefix(l.Addr, "127.0.0.1:") {
		t.Errorf("%+v", l)
	}
	if !slices.Equal(h.joined, []string{"billing"}) {
		t.Errorf("%q", h.joined)
	}
	if !c.Send(l.ID, [][][]byte{{[]byte("a"), []byte("b")}}) {
		t.Fatal("no room")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if got, err := pull.Recv(ctx); err != nil || len(got.Frames) != 2 {
		t.Fatal(got, err)
	}
}

func TestStrangersAreRefusedCountedAndLogged(t *testing.T) {
	own := curve.NewSecret()
	c, _, log := commands(t, server(topology.Guests{}, own))
	stranger := curve.NewSecret()
	consumer(t, c.Bound(), stranger, own.Public())
	await(t, "the refusal", func() bool { return c.Counts().Reasons[string(zmq.ReasonKey)] > 0 })
	await(t, "the log", func() bool {
		return log.has(`"reason":"CURVE key not admitted"`) && log.has(stranger.Public().String()) && log.has(`"message":"refused"`)
	})
	if n := c.Counts(); n.Connected != 0 || n.Refused == 0 {
		t.Errorf("%+v", n)
	}
}

// A change of guests ends the connections of those who are concerned, and of
// nobody else.
func TestChangeOfGuests(t *testing.T) {
	own, a, b, d := curve.NewSecret(), curve.NewSecret(), curve.NewSecret(), curve.NewSecret()
	to := server(topology.Guests{a.Public(): {Name: "a", Topics: []string{"x."}}, b.Public(): {Name: "b"}}, own)
	pub, err := topology.NewPublications(topology.Options{Name: "channel telemetry", Setting: to}, 8)
	if err != nil {
		t.Fatal(err)
	}
	run(t, pub)
	for _, key := range []*curve.Secret{a, b, d} {
		sub := zmq.NewSub(zmq.Options{Security: zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{key}, Server: own.Public()}},
			Backoff: zmq.Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond}})
		sub.Subscribe("y.")
		if err := sub.Connect(pub.Bound()); err != nil {
			t.Fatal(err)
		}
		run(t, sub)
	}
	await(t, "both guests", func() bool { return len(ids(pub)) == 2 })
	before := ids(pub)

	to.Guests = topology.Guests{a.Public(): {Name: "a", Topics: []string{"x."}}, d.Public(): {Name: "d"}}
	if err := pub.Change(to); err != nil {
		t.Fatal(err)
	}
	await(t, "b to go and d to come", func() bool { n := ids(pub); return n["b"] == 0 && n["d"] != 0 })
	if ids(pub)["a"] != before["a"] {
		t.Error("the connection of a was touched")
	}

	to.Guests = topology.Guests{a.Public(): {Name: "a", Topics: []string{"x.", "y."}}, d.Public(): {Name: "d"}}
	was := ids(pub)
	if err := pub.Change(to); err != nil {
		t.Fatal(err)
	}
	await(t, "a to come again, who may see more", func() bool {
		for _, l := range pub.Connections() {
			if l.Peer == "a" && l.Topics == 1 {
				return true
			}
		}
		return false
	})
	if ids(pub)["d"] != was["d"] {
		t.Error("the connection of d was touched")
	}
}

func TestRotateKeepsConnections(t *testing.T) {
	old, fresh, a := curve.NewSecret(), curve.NewSecret(), curve.NewSecret()
	c, _, _ := commands(t, server(topology.Guests{a.Public(): {Name: "a"}}, old))
	consumer(t, c.Bound(), a, old.Public())
	await(t, "the first", func() bool { return len(c.Connections()) == 1 })
	id := c.Connections()[0].ID
	if changed, err := c.Rotate([]*curve.Secret{fresh, old}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if changed, err := c.Rotate([]*curve.Secret{fresh, old}); changed || err != nil {
		t.Fatal(changed, err)
	}
	consumer(t, c.Bound(), a, fresh.Public())
	consumer(t, c.Bound(), a, old.Public())
	await(t, "all", func() bool { return len(c.Connections()) == 3 })
	if c.Connections()[0].ID != id {
		t.Error("the first connection was touched")
	}
	if _, err := c.Rotate(nil); err == nil {
		t.Error("no key at all is taken")
	}
}

func TestChangeOfAddresses(t *testing.T) {
	ipc := func(name string) string { return "ipc://" + filepath.Join(t.TempDir(), name) }
	c, h, _ := commands(t, topology.Setting{Listen: anywhere})
	first := c.Bound()
	consumer(t, first, nil, curve.Public{})
	await(t, "the first", func() bool { return len(c.Connections()) == 1 })

	other := ipc("s")
	if err := c.Change(topology.Setting{Listen: other}); err != nil {
		t.Fatal(err)
	}
	if c.Bound() != other {
		t.Error(c.Bound())
	}
	consumer(t, other, nil, curve.Public{})
	await(t, "the second alone", func() bool { l := c.Connections(); return len(l) == 1 && l[0].Endpoint == other })

	// An address that cannot be had changes nothing.
	taken, _, _ := commands(t, topology.Setting{Listen: anywhere})
	err := c.Change(topology.Setting{Listen: taken.Bound()})
	if err == nil || !strings.Contains(err.Error(), "channel commands: ") || !strings.Contains(err.Error(), "address already in use") {
		t.Fatal(err)
	}
	consumer(t, other, nil, curve.Public{})
	await(t, "another one there", func() bool { return len(c.Connections()) == 2 })
	if c.Bound() != other {
		t.Errorf("%s", c.Bound())
	}

	// A socket that connects: one of two addresses goes.
	var listening [3]string
	for i := range listening {
		listening[i] = ipc(fmt.Sprint("c", i))
		pull := zmq.NewPull(zmq.Options{})
		if _, err := pull.Listen(listening[i]); err != nil {
			t.Fatal(err)
		}
		run(t, pull)
	}
	if err := c.Change(topology.Setting{Connect: listening[:2]}); err != nil {
		t.Fatal(err)
	}
	byEndpoint := func() map[string]uint64 {
		out := make(map[string]uint64)
		for _, l := range c.Connections() {
			out[l.Endpoint] = l.ID
		}
		return out
	}
	await(t, "both", func() bool { n := byEndpoint(); return n[listening[0]] != 0 && n[listening[1]] != 0 && n[other] == 0 })
	kept := byEndpoint()[listening[1]]
	if err := c.Change(topology.Setting{Connect: listening[1:]}); err != nil {
		t.Fatal(err)
	}
	await(t, "the third for the first", func() bool { n := byEndpoint(); return n[listening[0]] == 0 && n[listening[2]] != 0 })
	if byEndpoint()[listening[1]] != kept {
		t.Error("the connection that stays was touched")
	}
	if c.Bound() != "" {
		t.Error(c.Bound())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.joined) != h.left+2 {
		t.Errorf("%d came, %d left", len(h.joined), h.left)
	}
}

// Whoever was let in by what no longer holds is ended.
func TestChangeOfSecurity(t *testing.T) {
	c, _, _ := commands(t, topology.Setting{Listen: anywhere})
	consumer(t, c.Bound(), nil, curve.Public{})
	await(t, "one in the clear", func() bool { return len(c.Connections()) == 1 })
	own, a := curve.NewSecret(), curve.NewSecret()
	to := server(topology.Guests{a.Public(): {Name: "a"}}, own)
	if err := c.Change(to); err != nil {
		t.Fatal(err)
	}
	consumer(t, c.Bound(), a, own.Public())
	await(t, "the sealed one alone", func() bool { l := c.Connections(); return len(l) == 1 && l[0].Peer == "a" })
	if err := c.Change(topology.Setting{Listen: anywhere, Security: zmq.Security{Curve: &zmq.Curve{}}}); err == nil {
		t.Error("CURVE without a key is taken")
	}
}

func TestPinnedKeyChanges(t *testing.T) {
	consumerKey, other, own := curve.NewSecret(), curve.NewSecret(), curve.NewSecret()
	pull := zmq.NewPull(zmq.Options{Security: zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{consumerKey}, Admit: zmq.AdmitAny}}})
	address, err := pull.Listen(anywhere)
	if err != nil {
		t.Fatal(err)
	}
	run(t, pull)
	pinning := func(key curve.Public) topology.Setting {
		return topology.Setting{Connect: []string{address}, Security: zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{own}, Server: key}}}
	}
	c, _, _ := commands(t, pinning(consumerKey.Public()))
	await(t, "the connection", func() bool { return len(c.Connections()) == 1 })
	if err := c.Change(pinning(other.Public())); err != nil {
		t.Fatal(err)
	}
	await(t, "its end", func() bool { return len(c.Connections()) == 0 && c.Counts().Refused > 0 })
}
