package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
)

func eachLanguage(t *testing.T, run func(t *testing.T, language string)) {
	for _, language := range languages {
		t.Run(language, func(t *testing.T) { t.Parallel(); run(t, language) })
	}
}

func TestPeersGetEventsByteExactAndDoneEndsThem(t *testing.T) {
	eachLanguage(t, func(t *testing.T, language string) {
		r := newRig(t, rigOptions{})
		p := r.peer(language, "--connect", r.top.Commands[0].Address)
		r.awaitConsumers(1)
		for n := range 20 {
			id := fmt.Sprintf("order-%d", n)
			r.send(id)
			l := r.next(p)
			sum := sha256.Sum256(orderEvent(id))
			if l.ID != id || l.Attempt != 1 || l.OK != true || l.SHA256 != hex.EncodeToString(sum[:]) || l.Type != "com.example.order.created" {
				t.Fatalf("got %+v", l)
			}
			r.awaitState(id, outbox.StateDone)
		}
		if strings.Contains(r.log.String(), secretOf(t, filepath.Join(r.dir, "keys", "k1.toml"))) {
			t.Error("the key's secret stands in the log")
		}
	})
}

func TestSubscribersGetWhatTheyAskFor(t *testing.T) {
	eachLanguage(t, func(t *testing.T, language string) {
		r := newRig(t, rigOptions{})
		p := r.peer(language, "--sub", r.top.Telemetry[0].Address, "--topic", "com.example.reading.")
		// A subscription travels after the handshake: readings are sent until one comes.
		var l peerLine
		for n := 0; l.ID == ""; n++ {
			r.send(fmt.Sprintf("order-%d", n)) // not asked for
			id := fmt.Sprintf("reading-%d", n)
			body := strings.Replace(string(orderEvent(id)), "order.created", "reading.temperature.c", 1)
			if got, err := r.producer.post(context.Background(), "application/cloudevents+json", id, []byte(body)); err != nil || got.status != http.StatusAccepted {
				t.Fatalf("send: %d, %v", got.status, err)
			}
			select {
			case l = <-p.lines:
			case <-time.After(50 * time.Millisecond):
			}
		}
		if l.OK != true || l.Type != "com.example.reading.temperature.c" {
			t.Errorf("got %+v", l)
		}
	})
}

func TestSilenceIsDeliveredAgain(t *testing.T) {
	eachLanguage(t, func(t *testing.T, language string) {
		r := newRig(t, rigOptions{ack: "300ms"})
		first := r.peer(language, "--connect", r.top.Commands[0].Address, "--mode", "silent-once")
		r.awaitConsumers(1)
		r.send("a")
		if l := r.next(first); l.Attempt != 1 {
			t.Fatalf("got %+v", l)
		}
		// Its credit is taken by the lease that lapses: somebody else gets it.
		second := r.peer(language, "--connect", r.top.Commands[0].Address)
		if l := r.next(second); l.ID != "a" || l.Attempt != 2 || l.OK != true {
			t.Fatalf("got %+v", l)
		}
		r.awaitState("a", outbox.StateDone)
	})
}

func TestRetryDelaysWithoutFailure(t *testing.T) {
	eachLanguage(t, func(t *testing.T, language string) {
		r := newRig(t, rigOptions{attempts: 2})
		p := r.peer(language, "--connect", r.top.Commands[0].Address, "--mode", "retry", "--retry-after", "0.05")
		r.send("a")
		for attempt := 1; attempt <= 5; attempt++ {
			if l := r.next(p); l.Attempt != attempt {
				t.Fatalf("got %+v, want attempt %d", l, attempt)
			}
		}
		if c := r.event("a").Channels[0]; c.Failures != 0 || c.State != outbox.StatePending {
			t.Errorf("channel is %+v", c)
		}
		p.kill()
		r.awaitConsumers(0)
		last := r.peer(language, "--connect", r.top.Commands[0].Address, "--mode", "retry", "--retry-after", "86400")
		r.next(last)
		r.eventually("it waits for a day", func() bool { return time.Until(r.event("a").Channels[0].Due) > 23*time.Hour })
	})
}

func TestFailedAndTooManyFailuresAreDeadLetters(t *testing.T) {
	eachLanguage(t, func(t *testing.T, language string) {
		r := newRig(t, rigOptions{ack: "100ms", attempts: 2})
		r.peer(language, "--connect", r.top.Commands[0].Address, "--mode", "failed")
		r.send("failed")
		r.awaitState("failed", outbox.StateFailed)
		if c := r.event("failed").Channels[0]; c.Reason != "told to fail" || c.Attempt != 1 {
			t.Errorf("channel is %+v", c)
		}
		r2 := newRig(t, rigOptions{ack: "100ms", attempts: 2})
		for range 2 {
			r2.peer(language, "--connect", r2.top.Commands[0].Address, "--mode", "mute")
		}
		r2.awaitConsumers(2)
		r2.send("lapsed")
		r2.awaitState("lapsed", outbox.StateFailed)
		e := r2.event("lapsed")
		if h := e.Channels[0].History; len(h) != 2 || h[0].What != "lapsed" || len(e.Event) == 0 {
			t.Errorf("dead letter is %+v", e)
		}
		if got, err := r2.router.Act(context.Background(), admin.Act{Verb: admin.Redrive, Events: []admin.Pick{{Key: outbox.Key{Source: e.Source, ID: e.ID}}}, Why: "test"}); err != nil || got.Changed != 1 {
			t.Fatalf("redrive: %+v, %v", got, err)
		}
		good := r2.peer(language, "--connect", r2.top.Commands[0].Address)
		if l := r2.next(good); l.ID != "lapsed" || l.Attempt != 3 {
			t.Errorf("redriven as %+v", l)
		}
		r2.awaitState("lapsed", outbox.StateDone)
	})
}

func TestMuteConsumerHoldsOneEventAndIsNamed(t *testing.T) {
	eachLanguage(t, func(t *testing.T, language string) {
		r := newRig(t, rigOptions{ack: "200ms"})
		mute := r.peer(language, "--connect", r.top.Commands[0].Address, "--mode", "mute")
		r.awaitConsumers(1)
		for n := range 64 {
			r.send(fmt.Sprintf("e%d", n))
		}
		held := r.next(mute).ID
		r.eventually("it is found mute", func() bool { c := r.commands().Conns; return len(c) == 1 && c[0].Mute })
		if c := r.commands(); c.Conns[0].Held != 1 || c.Conns[0].Sent != 1 {
			t.Errorf("connection is %+v", c.Conns[0])
		}
		if !strings.Contains(r.log.String(), `should_send`) {
			t.Error("the log does not say what it should have sent")
		}
		r.peer(language, "--connect", r.top.Commands[0].Address)
		for n := range 64 {
			r.awaitState(fmt.Sprintf("e%d", n), outbox.StateDone)
		}
		if c := r.commands(); c.Counts.Sent != 65 || r.event(held).Channels[0].Attempt != 2 {
			t.Errorf("sent %d for 64 events", c.Counts.Sent)
		}
	})
}

func TestTwoConsumersShareEvenly(t *testing.T) {
	eachLanguage(t, func(t *testing.T, language string) {
		r := newRig(t, rigOptions{})
		a := r.peer(language, "--connect", r.top.Commands[0].Address)
		b := r.peer(language, "--connect", r.top.Commands[0].Address)
		r.awaitConsumers(2)
		const events = 200
		for n := range events {
			r.send(fmt.Sprintf("e%d", n))
		}
		r.eventually("all are done", func() bool { return r.commands().Counts.Done == events })
		// A consumer prints after it has replied.
		r.eventually("all are told of", func() bool { return len(a.lines)+len(b.lines) == events })
		if got := len(a.lines); got < events/4 || got > events*3/4 {
			t.Errorf("shares are %d and %d", got, len(b.lines))
		}
	})
}

func TestFlappingLinkAndRestartsKillNothing(t *testing.T) {
	eachLanguage(t, func(t *testing.T, language string) {
		r := newRig(t, rigOptions{})
		relay := r.link(r.top.Commands[0].Address)
		r.peer(language, "--connect", relay.endpoint())
		var restarted *peer
		const events = 300
		for n := range events {
			r.send(fmt.Sprintf("e%d", n))
			switch n % 30 { // ten restarts, each in the middle of work, beside a link that is cut
			case 5:
				restarted = r.peer(language, "--connect", r.top.Commands[0].Address)
				r.eventually("it takes work", func() bool {
					r.send(newID()) // as long as it takes nothing there is more
					return len(restarted.lines) > 0
				})
			case 20:
				relay.cut()
				restarted.kill()
			}
		}
		r.peer(language, "--connect", r.top.Commands[0].Address)
		r.eventually("all are done", func() bool { c := r.commands(); return c.Pending == 0 })
		for n := range events {
			if s := r.event(fmt.Sprintf("e%d", n)).State; s != outbox.StateDone {
				t.Errorf("e%d is %s", n, s)
			}
		}
		if c := r.commands(); c.Dead != 0 {
			t.Errorf("%d dead letters", c.Dead)
		}
	})
}

func TestCurlAndOpenSSLProduce(t *testing.T) {
	for _, tool := range []string{"curl", "openssl", "base64", "od"} {
		requirePeer(t, tool, exec.Command("sh", "-c", "command -v "+tool))
	}
	r := newRig(t, rigOptions{})
	p := r.peer("python", "--connect", r.top.Commands[0].Address)
	cmd := exec.Command("../../../examples/producer-curl/send.sh", r.producer.to, filepath.Join(r.dir, "keys", "k1.toml"))
	cmd.Env = append(os.Environ(), "CURL_CA_BUNDLE="+filepath.Join(r.dir, "cert.pem"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"status":"accepted"`) {
		t.Fatalf("%s: %v", out, err)
	}
	if l := r.next(p); l.OK != true || !strings.HasPrefix(l.ID, "curl-") {
		t.Errorf("got %+v", l)
	}
}

// TestPeersReadTheVectors runs the Python and JavaScript tests, which hold their
// own code against the vectors.
func TestPeersReadTheVectors(t *testing.T) {
	t.Run("python", func(t *testing.T) {
		requirePeer(t, "python3-cryptography", exec.Command("/usr/bin/python3", "-c", "import zmq, cryptography"))
		cmd := exec.Command("/usr/bin/python3", "-m", "unittest", "-q")
		cmd.Dir = "../../../examples/consumer-python"
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "OK") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("node", func(t *testing.T) {
		requirePeer(t, "npm zeromq (task peers)", nodeProbe())
		cmd := exec.Command("node", "--test", "test/consumer.delivery.test.mjs", "test/consumer.dsse.test.mjs", "test/consumer.vectors.test.mjs")
		cmd.Dir = "../../../sdk/typescript"
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "# tests 0") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func TestSIGTERMDrains(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.peer("python", "--connect", r.top.Commands[0].Address)
	r.awaitConsumers(1)
	for n := range 200 {
		r.send(fmt.Sprintf("e%d", n))
	}
	if took := r.stop(); took > 6*time.Second {
		t.Errorf("took %v", took)
	}
	if log := r.log.String(); strings.Contains(log, "end with the process: the outbox") {
		t.Errorf("events were lost at the end:\n%s", log)
	}
}

func TestSIGTERMSaysWhatEndsWithIt(t *testing.T) {
	r := newRig(t, rigOptions{memory: true})
	r.send("a", "b")
	r.stop()
	if log := r.log.String(); !strings.Contains(log, `"pending":2`) {
		t.Errorf("nothing is said of what was pending:\n%s", log)
	}
}
