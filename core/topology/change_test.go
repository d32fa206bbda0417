package topology_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/topology"
	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// held lets a connection become ready and no further, until it is told.
type held struct {
	reached, proceed chan struct{}
	once             sync.Once
}

func (h *held) Joined(uint64, string, string) {
	h.once.Do(func() { close(h.reached); <-h.proceed })
}

func (h *held) Left(uint64) {}

// Who was let in, and is not yet one of the connections, is judged anew.
func TestChangeReachesGuestsOnTheirWayIn(t *testing.T) {
	own, a := curve.NewSecret(), curve.NewSecret()
	h := &held{reached: make(chan struct{}), proceed: make(chan struct{})}
	to := server(topology.Guests{a.Public(): {Name: "a"}}, own)
	c, err := topology.NewCommands(topology.Options{Name: "channel commands", Setting: to}, 8, h)
	if err != nil {
		t.Fatal(err)
	}
	run(t, c)
	consumer(t, c.Bound(), a, own.Public())
	<-h.reached
	to.Guests = topology.Guests{}
	if err := c.Change(to); err != nil {
		t.Fatal(err)
	}
	close(h.proceed)
	await(t, "the cut", func() bool { return c.Counts().Reasons[string(zmq.ReasonCut)] == 1 && len(c.Connections()) == 0 })
}

// A handshake that began in the clear does not end on a socket with CURVE.
func TestChangeReachesHandshakes(t *testing.T) {
	c, _, _ := commands(t, topology.Setting{Listen: anywhere})
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.Bound(), "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	greeting := make([]byte, 64)
	greeting[0], greeting[9], greeting[10], greeting[11] = 0xFF, 0x7F, 3, 1
	copy(greeting[12:], "NULL")
	_, _ = conn.Write(greeting)
	if _, err := io.ReadFull(conn, greeting); err != nil {
		t.Fatal(err)
	}
	// The address stays: a removed one would end the handshake by itself.
	to := server(topology.Guests{}, curve.NewSecret())
	if err := c.Change(to); err != nil {
		t.Fatal(err)
	}
	ready := "\x05READY\x0bSocket-Type\x00\x00\x00\x04PULL"
	_, _ = conn.Write(append([]byte{4, byte(len(ready))}, ready...))
	await(t, "the cut", func() bool { return c.Counts().Reasons[string(zmq.ReasonCut)] == 1 && len(c.Connections()) == 0 })
	if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
}

// A change that fails leaves nobody who came by what it would have allowed.
func TestFailedChangeLetsNobodyIn(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	c, _, _ := commands(t, server(topology.Guests{}, curve.NewSecret()))
	pull := zmq.NewPull(zmq.Options{Backoff: zmq.Backoff{Min: time.Microsecond, Max: 10 * time.Microsecond}})
	for range 20 {
		if err := pull.Connect(c.Bound()); err != nil {
			t.Fatal(err)
		}
	}
	run(t, pull)
	for range 2000 {
		if err := c.Change(topology.Setting{Listen: "tcp://" + busy.Addr().String()}); err == nil {
			t.Fatal("it listens where another does")
		}
	}
	await(t, "nobody", func() bool { return len(c.Connections()) == 0 })
}

// Keys that rotate do not bring back what a change has taken meanwhile.
func TestRotateKeepsAChange(t *testing.T) {
	one, two, a := curve.NewSecret(), curve.NewSecret(), curve.NewSecret()
	with := server(topology.Guests{a.Public(): {Name: "a"}}, one)
	without := server(topology.Guests{}, one)
	c, _, _ := commands(t, with)
	for i := range 1000 {
		if err := c.Change(with); err != nil {
			t.Fatal(err)
		}
		var going sync.WaitGroup
		for range 4 {
			going.Go(func() { _, _ = c.Rotate([]*curve.Secret{two, one}) })
		}
		going.Go(func() { _ = c.Change(without) })
		going.Wait()
		if topology.Admits(c, a.Public()) {
			t.Fatalf("round %d: a guest is back", i)
		}
	}
}

// What is queued for an address that goes still gets there, sealed or not.
func TestRemovedConnectGetsWhatIsQueued(t *testing.T) {
	for name, sealed := range map[string]bool{"in the clear": false, "sealed": true} {
		t.Run(name, func(t *testing.T) {
			own, theirs := curve.NewSecret(), curve.NewSecret()
			o := zmq.Options{Queue: 1}
			to := topology.Setting{}
			if sealed {
				o.Security = zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{theirs}, Admit: zmq.AdmitAny}}
				to.Security = zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{own}, Server: theirs.Public()}}
			}
			pull := zmq.NewPull(o)
			address, err := pull.Listen(anywhere)
			if err != nil {
				t.Fatal(err)
			}
			run(t, pull)
			to.Connect = []string{address}
			c, _, _ := commands(t, to)
			await(t, "the connection", func() bool { return len(c.Connections()) == 1 })
			const total = 16
			id := c.Connections()[0].ID
			for range total {
				if !c.Send(id, [][][]byte{{make([]byte, 100<<10)}}) {
					t.Fatal("no room")
				}
			}
			to.Connect = nil
			if err := c.Change(to); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			for n := range total {
				if _, err := pull.Recv(ctx); err != nil {
					t.Fatalf("%d of %d arrive: %v", n, total, err)
				}
			}
		})
	}
}

// A change that is prepared holds its address, serves nobody there, and touches
// nobody who is connected.
func TestPreparedChangeTouchesNothing(t *testing.T) {
	c, _, _ := commands(t, topology.Setting{Listen: anywhere})
	consumer(t, c.Bound(), nil, curve.Public{})
	await(t, "the connection", func() bool { return len(c.Connections()) == 1 })
	was, id := c.Bound(), c.Connections()[0].ID
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := "tcp://" + free.Addr().String()
	if _, err := c.Prepare(topology.Next{Setting: topology.Setting{Listen: to}}); err == nil {
		t.Fatal("an address that is taken is prepared")
	}
	_ = free.Close()
	own, a := curve.NewSecret(), curve.NewSecret()
	next := topology.Next{Setting: topology.Setting{Listen: to, Security: zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{own}}}, Guests: topology.Guests{a.Public(): {Name: "a"}}}}
	change, err := c.Prepare(next)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("tcp", free.Addr().String()); err == nil {
		t.Error("the address is not held", l.Close())
	}
	consumer(t, to, a, own.Public())
	if got := c.Connections(); len(got) != 1 || got[0].ID != id || c.Bound() != was {
		t.Errorf("%+v at %s", got, c.Bound())
	}
	change.Drop()
	if l, err := net.Listen("tcp", free.Addr().String()); err != nil {
		t.Error(err)
	} else {
		_ = l.Close()
	}
	if change, err = c.Prepare(next); err != nil {
		t.Fatal(err)
	}
	change.Leave()
	if err := change.Enter(); err != nil || c.Bound() != to {
		t.Fatal(err, c.Bound())
	}
	await(t, "the guest alone", func() bool { l := c.Connections(); return len(l) == 1 && l[0].Peer == "a" })
}

// An address that was to be given and is not there is asked for again.
func TestAddressThatIsNotGiven(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := topology.Setting{Listen: "tcp://" + busy.Addr().String()}
	c, _, _ := commands(t, topology.Setting{Listen: anywhere})
	change, err := c.Prepare(topology.Next{Setting: to, Given: true})
	if err != nil {
		t.Fatal(err)
	}
	change.Leave()
	if err := change.Enter(); err == nil || c.Bound() != "" || c.Setting().Listen != "" {
		t.Fatalf("%v, it is at %q", err, c.Bound())
	}
	_ = busy.Close()
	if err := c.Change(to); err != nil || c.Bound() != to.Listen {
		t.Error(err, c.Bound())
	}
}

// Keys that rotate while a change is prepared stay.
func TestPreparedChangeKeepsKeys(t *testing.T) {
	one, two, a := curve.NewSecret(), curve.NewSecret(), curve.NewSecret()
	to := server(topology.Guests{a.Public(): {Name: "a"}}, one)
	c, _, _ := commands(t, to)
	change, err := c.Prepare(topology.Next{Setting: to, SameKeys: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Rotate([]*curve.Secret{two}); err != nil {
		t.Fatal(err)
	}
	change.Leave()
	if err := change.Enter(); err != nil {
		t.Fatal(err)
	}
	if keys := c.Setting().Security.Curve.Secrets; len(keys) != 1 || keys[0].Public() != two.Public() {
		t.Errorf("%d keys, and not those that were rotated to", len(keys))
	}
}
