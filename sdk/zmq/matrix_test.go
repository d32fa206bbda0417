package zmq_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// foreign is a socket of another make.
type foreign interface {
	send(zmq.Frames) error // does not wait for the peer
	recv() (zmq.Frames, error)
	subscribe(prefix string) error
	cancel(prefix string) error
	close() error
	ready() bool // it has shaken hands
}

// opening says what a foreign socket shall be.
type opening struct {
	kind      string // its type
	how       string // bind or connect
	endpoint  string
	topics    []string // subscribed to from the start
	identity  string
	heartbeat time.Duration // between PINGs; it gives up after four times that; 0 means none
	secret    *curve.Secret // not nil: CURVE, as a server if it binds
	server    curve.Public  // what its server must prove if it connects
}

// maker opens sockets of another make and returns their endpoints.
type maker struct {
	name   string
	open   func(opening) (foreign, string, error)
	absent error // from this machine
}

// native is a socket of this package.
type native interface {
	ours
	runner
	Peers() []*zmq.Peer
	Stats() zmq.Stats
}

// pair is two socket types that may talk, and what they say.
type pair struct {
	theirs   string
	ours     string
	make     func(zmq.Options) native
	exchange func(*link, []zmq.Frames)
}

// theirIdentity is of the foreign sockets that a Router meets.
const theirIdentity = "peer \xff"

func pairs() []pair {
	return []pair{
		{"PUSH", "Pull", func(o zmq.Options) native { return zmq.NewPull(o) }, theyPush},
		{"PULL", "Push", func(o zmq.Options) native { return zmq.NewPush(o) }, wePush},
		{"SUB", "Pub", func(o zmq.Options) native { return zmq.NewPub(o) }, wePublish},
		{"PUB", "Sub", func(o zmq.Options) native { return zmq.NewSub(o) }, theyPublish},
		{"DEALER", "Router", func(o zmq.Options) native { return zmq.NewRouter(o) }, theyDeal},
		{"ROUTER", "Dealer", func(o zmq.Options) native { return zmq.NewDealer(o) }, weDeal},
		{"REQ", "Router", func(o zmq.Options) native { return zmq.NewRouter(o) }, theyRequest},
		{"REP", "Dealer", func(o zmq.Options) native { return zmq.NewDealer(o) }, weRequest},
	}
}

// meeting is one cell of the matrix.
type meeting struct {
	pair
	maker
	how       string // what they do: bind or connect
	curve     bool
	ourBeat   time.Duration // between PINGs; 0 is the default, negative none
	theirBeat time.Duration // 0 is none
}

func (m meeting) String() string {
	mechanism := "NULL"
	if m.curve {
		mechanism = "CURVE"
	}
	return fmt.Sprintf("%s %s %ss to %s %s", m.name, m.theirs, m.how, m.ours, mechanism)
}

// matrix is every meeting of makers with this package.
func matrix(makers []maker, ourBeat, theirBeat time.Duration) []meeting {
	var all []meeting
	for _, maker := range makers {
		for _, pair := range pairs() {
			for _, how := range []string{"bind", "connect"} {
				for _, secured := range []bool{false, true} {
					all = append(all, meeting{pair, maker, how, secured, ourBeat, theirBeat})
				}
			}
		}
	}
	return all
}

// meet opens both sockets and waits until they have shaken hands.
func (m meeting) meet(t testing.TB) *link {
	t.Helper()
	l := &link{TB: t, meeting: m}
	o := zmq.Options{
		Observe:   l.seen.add,
		Heartbeat: zmq.Heartbeat{Interval: m.ourBeat, Timeout: 4 * m.ourBeat},
	}
	their := opening{kind: m.theirs, how: m.how, endpoint: "tcp://127.0.0.1:*", heartbeat: m.theirBeat}
	if m.ours == "Router" {
		their.identity = theirIdentity
	}
	if m.theirs == "SUB" {
		their.topics = []string{"a.", "b."}
	}
	if m.curve {
		our := curve.NewSecret()
		their.secret, their.server = curve.NewSecret(), our.Public()
		o.Security.Curve = &zmq.Curve{Secrets: []*curve.Secret{our}}
		if m.how == "bind" {
			o.Security.Curve.Server = their.secret.Public()
		} else {
			o.Security.Curve.Admit = zmq.AdmitAny
		}
	}
	l.we = m.make(o)
	if m.how == "connect" {
		their.endpoint = listen(t, l.we)
	}
	run(t, l.we)
	theirs, bound, err := m.open(their)
	if err != nil {
		t.Fatal(err)
	}
	l.they = theirs
	t.Cleanup(func() {
		if err := theirs.close(); err != nil {
			t.Error(err)
		}
	})
	if m.how == "bind" {
		connect(t, l.we, bound)
	}
	await(t, m.String(), func() bool { return theirs.ready() && l.we.Stats().Peers == 1 })
	mechanism, minor := "NULL", uint8(1)
	if m.curve {
		mechanism = "CURVE"
	}
	if m.name == "zmq4" {
		minor = 0
	}
	if f := l.we.Peers()[0].Facts(); f.SocketType != m.theirs || f.Mechanism != mechanism || f.Minor != minor {
		t.Errorf("%s: %+v", m, f)
	}
	return l
}

// libzmqs starts a peer for each binding of libzmq.
func libzmqs(t *testing.T) []maker {
	t.Helper()
	var all []maker
	for _, binding := range []string{"c", "python", "node"} {
		cmd, err := libpeerCommand(t, binding)
		if err != nil && os.Getenv(requirePeers) != "" {
			t.Errorf("%s is set and %v", requirePeers, err)
		}
		m := maker{name: binding, absent: err}
		if err == nil {
			m.open = startLibpeer(t, cmd).open
		}
		all = append(all, m)
	}
	return all
}

// TestInterop lets every kind of socket meet its counterparts of every make.
func TestInterop(t *testing.T) {
	t.Parallel()
	libzmqs := libzmqs(t)
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		stayIdle(t, libzmqs)
	})
	t.Run("refused", func(t *testing.T) {
		for _, m := range libzmqs {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				if m.absent != nil {
					t.Skip(m.absent)
				}
				refuse(t, m)
			})
		}
	})
	meetings := matrix(libzmqs, 0, 0)
	for _, m := range matrix([]maker{{name: "zmq4", open: openZmq4}}, 0, 0) {
		if !m.curve && !strings.HasPrefix(m.theirs, "RE") { // what zmq4 does well
			meetings = append(meetings, m)
		}
	}
	all := stream(500)
	for _, m := range meetings {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			if m.absent != nil {
				t.Skip(m.absent)
			}
			m.exchange(m.meet(t), all)
		})
	}
}

// TestUnreadPeersStay: one whose messages nobody takes is not read from, so its
// silence, and that of its answers, means nothing.
func TestUnreadPeersStay(t *testing.T) {
	const beat = 100 * time.Millisecond
	m := libzmqs(t)[0]
	if m.absent != nil {
		t.Skip(m.absent)
	}
	var seen observed
	pull := zmq.NewPull(zmq.Options{Observe: seen.add, Queue: 1, Heartbeat: zmq.Heartbeat{Interval: beat / 2, Timeout: 4 * beat}})
	they, _, err := m.open(opening{kind: "PUSH", how: "connect", endpoint: listen(t, pull), heartbeat: 4 * beat})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := they.close(); err != nil {
			t.Error(err)
		}
	}()
	run(t, pull)
	for range 200 { // more than the queue and one batch take: the reader waits
		if err := they.send(message("unread")); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the reader to wait", func() bool { p := pull.Peers(); return len(p) == 1 && p[0].Facts().Paused })
	<-time.After(12 * beat) // nothing shall happen, so there is nothing to wait for
	if seen.has(zmq.Gone, "") || seen.has(zmq.Cut, "") {
		t.Errorf("we lost it:\n%v", &seen)
	}
}

// stayIdle holds every pair at once for many heartbeats, of both sides or of
// one, which lives by the other's answers. Neither may lose the other, and each
// pair must be of use afterwards.
func stayIdle(t *testing.T, makers []maker) {
	const beat = 500 * time.Millisecond
	hold := 30 * time.Second
	if testing.Short() {
		hold = 6 * beat // a side that does not answer is given up after five
	}
	one := makers[:1] // enough for what is about answers: they are all libzmq
	meetings := slices.Concat(matrix(makers, beat, beat), matrix(one, -1, beat), matrix(one, beat, 0))
	var links []*link
	for _, m := range meetings {
		if m.absent == nil {
			links = append(links, m.meet(t))
		}
	}
	if links == nil {
		t.Skip("no libzmq at all")
	}
	<-time.After(hold) // nothing shall happen, so there is nothing to wait for
	for _, l := range links {
		if l.seen.has(zmq.Gone, "") || l.seen.has(zmq.Cut, "") {
			t.Errorf("%s, PINGs every %v and %v: we lost them:\n%v", l, l.ourBeat, l.theirBeat, &l.seen)
		}
		if n := l.they.(*libsocket).count("DISCONNECTED"); n > 0 {
			t.Errorf("%s, PINGs every %v and %v: they lost us %d times", l, l.ourBeat, l.theirBeat, n)
		}
	}
	for _, l := range links {
		if !t.Failed() {
			l.exchange(l, stream(1))
		}
	}
}
