package zmq_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// What is not removed goes on: its connections are the same ones.
func TestRemoveTouchesNothingElse(t *testing.T) {
	var events observed
	push := zmq.NewPush(zmq.Options{Observe: events.add})
	stays, goes := listen(t, push), listen(t, push)
	run(t, push)
	kept, ended := dialRaw(t, stays), dialRaw(t, goes)
	kept.handshake(0, "PULL")
	await(t, "the first peer", func() bool { return push.Stats().Peers == 1 })
	id := push.Peers()[0].ID()
	ended.handshake(0, "PULL")
	await(t, "the second peer", func() bool { return push.Stats().Peers == 2 })
	for _, p := range push.Peers() {
		if !p.Send(message("last")) {
			t.Fatal("no room")
		}
	}
	if !push.Remove(goes) || push.Remove(goes) || push.Remove("tcp://127.0.0.1:1") {
		t.Fatal("Remove says otherwise")
	}
	if flags, body := ended.frame(); flags != 0 || string(body) != "last" {
		t.Fatalf("%#x %q", flags, body)
	}
	ended.ended()
	_ = ended.Close()
	await(t, "the end", func() bool { return events.has(zmq.Gone, zmq.ReasonRemoved) })
	if conn, err := net.Dial("tcp", strings.TrimPrefix(goes, "tcp://")); err == nil {
		_ = conn.Close()
		t.Error("the removed address still accepts")
	}
	if peers := push.Peers(); len(peers) != 1 || peers[0].ID() != id {
		t.Error("another connection was touched")
	}
	dialRaw(t, stays).handshake(0, "PULL")
	again := listen(t, push)
	dialRaw(t, again).handshake(0, "PULL")
	await(t, "peers of both", func() bool { return push.Stats().Peers == 3 })
}

func TestRemoveOfAConnect(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{})
	push := zmq.NewPush(zmq.Options{})
	endpoint := listen(t, pull)
	connect(t, push, endpoint)
	run(t, pull)
	run(t, push)
	await(t, "the peer", func() bool { return push.Stats().Peers == 1 })
	if !push.Remove(endpoint) {
		t.Fatal("it was not there")
	}
	await(t, "the end", func() bool { return push.Stats().Peers == 0 && pull.Stats().Peers == 0 })
	connect(t, push, endpoint)
	await(t, "the next one", func() bool { return push.Stats().Peers == 1 })
}

// What was bound and removed before Run is free again.
func TestRemoveBeforeRun(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{})
	if endpoint := listen(t, pull); !pull.Remove(endpoint) {
		t.Fatal("it was not there")
	} else if again, err := pull.Listen(endpoint); err != nil || again != endpoint {
		t.Fatal(again, err)
	}
	run(t, pull)
}

func TestModeOfIPC(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{Mode: 0o660})
	path := filepath.Join(t.TempDir(), "s")
	if _, err := pull.Listen("ipc://" + path); err != nil {
		t.Fatal(err)
	}
	run(t, pull)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Fatal(info.Mode(), err)
	}
}
