package producer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/producer"
	"github.com/headgate-io/headgate/sdk/zmq"
)

const (
	typeEvent = "application/cloudevents+json"
	typeBatch = "application/cloudevents-batch+json"
)

func TestSendSignsAndGivesTheAnswer(t *testing.T) {
	r := newRouter(t, zmq.Security{}, func(a asked) {
		a.verify(t, typeEvent)
		if a.headers["webhook-id"] != idOf(a.body) || a.headers["prefer"] != "" {
			t.Errorf("headers %v", a.headers)
		}
		a.answer(taken(idOf(a.body), "accepted"))
	})
	p, _ := start(t, producer.Options{Connect: []string{r.at}}, nil)
	a, err := p.Send(soon(t), event("order-1"))
	if err != nil || a.StatusCode != 202 || a.Status != "accepted" || a.ID != "order-1" || a.Source != "//shop.example/till" || !a.Taken() {
		t.Errorf("got %+v, %v", a, err)
	}
	if string(a.Raw) != taken("order-1", "accepted") {
		t.Errorf("raw is %s", a.Raw)
	}
}

func TestSendWaitsForTheEnd(t *testing.T) {
	r := newRouter(t, zmq.Security{}, func(a asked) {
		a.answer(fmt.Sprintf(`{"id":"order-1","source":"s","state":"done","channels":{"commands":{"state":"done","attempt":2,"result":%q}},"status_code":200}`, a.headers["prefer"]))
	})
	p, _ := start(t, producer.Options{Connect: []string{r.at}, Wait: 3 * time.Second}, nil)
	a, err := p.Send(soon(t), event("order-1"))
	if c := a.Channels["commands"]; err != nil || a.State != "done" || c.Attempt != 2 || string(c.Result) != `"wait=3"` {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestManySendAtOnceAndGetTheirOwnAnswers(t *testing.T) {
	var waiting []asked // answered last in, first out
	var most, now atomic.Int64
	r := newRouter(t, zmq.Security{}, func(a asked) {
		most.Store(max(most.Load(), now.Add(1)))
		if waiting = append(waiting, a); len(waiting) < 4 {
			return
		}
		for i := len(waiting) - 1; i >= 0; i-- {
			now.Add(-1)
			waiting[i].answer(taken(idOf(waiting[i].body), "accepted"))
		}
		waiting = nil
	})
	p, _ := start(t, producer.Options{Connect: []string{r.at}, UnderWay: 4}, nil)
	ctx := soon(t)
	var all sync.WaitGroup
	for n := range 100 {
		all.Go(func() {
			id := fmt.Sprintf("order-%d", n)
			if a, err := p.Send(ctx, event(id)); err != nil || a.ID != id {
				t.Errorf("%s got %+v, %v", id, a, err)
			}
		})
	}
	all.Wait()
	if most.Load() > 4 {
		t.Errorf("%d requests were out at once, want 4", most.Load())
	}
}

func TestSendTriesAgain(t *testing.T) {
	tests := []struct {
		name    string
		answers []string // the last one again and again
		tries   int
		status  int
		code    string
		after   time.Duration // the least of the first pause
	}{
		{"overloaded, then taken", []string{refusal(503, "overloaded", 2), taken("order-1", "accepted")}, 2, 202, "", 2 * time.Second},
		{"limited, then a duplicate", []string{refusal(429, "rate_limited", 1), refusal(503, "draining", 5), taken("order-1", "duplicate")}, 3, 202, "", time.Second},
		{"overloaded for ever", []string{refusal(503, "overloaded", 1)}, 4, 503, "overloaded", time.Second},
		{"a key in rotation, then taken", []string{refusal(401, "unauthenticated", 1), taken("order-1", "accepted")}, 2, 202, "", time.Second},
		{"a key in rotation for ever", []string{refusal(401, "unauthenticated", 1)}, 2, 401, "unauthenticated", time.Second},
		{"not authenticated", []string{refusal(401, "unauthenticated", 0)}, 1, 401, "unauthenticated", 0},
		{"forbidden", []string{refusal(403, "forbidden", 0)}, 1, 403, "forbidden", 0},
		{"conflict", []string{refusal(409, "conflict", 0)}, 1, 409, "conflict", 0},
		{"no answer that can be read", []string{"x", `{}`, `{"status_code":0}`, taken("order-1", "accepted")}, 4, 202, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tries := make(chan asked, 100)
			n := 0
			r := newRouter(t, zmq.Security{}, func(a asked) {
				tries <- a
				a.answer(tt.answers[min(n, len(tt.answers)-1)])
				n++
			})
			var pauses []time.Duration
			p, _ := start(t, producer.Options{Connect: []string{r.at}, Retries: 3}, func(d time.Duration) { pauses = append(pauses, d) })
			a, err := p.Send(soon(t), event("order-1"))
			if a.StatusCode != tt.status || a.Code != tt.code {
				t.Errorf("got %+v, %v", a, err)
			}
			if tt.code != "" {
				wantRefused(t, err, tt.status, tt.code)
			} else if err != nil {
				t.Errorf("got %v", err)
			}
			if len(tries) != tt.tries || len(pauses) != tt.tries-1 {
				t.Fatalf("%d tries and %d pauses, want %d tries", len(tries), len(pauses), tt.tries)
			}
			for range len(tries) {
				a := <-tries
				a.verify(t, typeEvent)
				if a.headers["webhook-id"] != "order-1" || !bytes.Equal(a.body, event("order-1")) {
					t.Errorf("a try sends %v %s", a.headers, a.body)
				}
			}
			if len(pauses) > 0 && (pauses[0] <= tt.after || pauses[0] > tt.after+time.Second) {
				t.Errorf("the first pause is %v, want a little more than %v", pauses[0], tt.after)
			}
		})
	}
}

func TestLostConnectionIsTriedAgain(t *testing.T) {
	n := 0
	ids := make(chan string, 10)
	r := newRouter(t, zmq.Security{}, func(a asked) {
		ids <- a.headers["webhook-id"]
		if n++; n == 1 {
			a.peer.Cut(errors.New("on purpose"))
			return
		}
		a.answer(taken("order-1", "duplicate"))
	})
	p, _ := start(t, producer.Options{Connect: []string{r.at}, Timeout: patience}, nil)
	a, err := p.Send(soon(t), event("order-1"))
	if err != nil || a.Status != "duplicate" || len(ids) != 2 {
		t.Fatalf("got %+v, %v, %d tries", a, err, len(ids))
	}
	if first, second := <-ids, <-ids; first != second {
		t.Errorf("tried as %s, then as %s", first, second)
	}
}

// TestRouterThatComesBack: who sends while there is none waits for it.
func TestRouterThatComesBack(t *testing.T) {
	first := newRouter(t, zmq.Security{}, func(a asked) { a.answer(taken(idOf(a.body), "accepted")) })
	p, _ := start(t, producer.Options{Connect: []string{first.at}}, nil)
	ctx := soon(t)
	if _, err := p.Send(ctx, event("order-1")); err != nil {
		t.Fatal(err)
	}
	first.stop()
	sent := make(chan error, 1)
	go func() {
		_, err := p.Send(ctx, event("order-2"))
		sent <- err
	}()
	newRouterAt(t, first.at, zmq.Security{}, func(a asked) { a.answer(taken(idOf(a.body), "accepted")) })
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Run("no router", func(t *testing.T) {
		p, _ := start(t, producer.Options{Connect: []string{"tcp://127.0.0.1:1"}, Timeout: time.Millisecond, Retries: 2}, nil)
		_, err := p.Send(soon(t), event("order-1"))
		if !errors.Is(err, producer.ErrNoAnswer) || !strings.Contains(err.Error(), "no router is connected") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("silence", func(t *testing.T) {
		n := make(chan asked, 10)
		r := newRouter(t, zmq.Security{}, func(a asked) { n <- a })
		p, _ := start(t, producer.Options{Connect: []string{r.at}, Timeout: 300 * time.Millisecond, Retries: -1}, nil)
		_, err := p.Send(soon(t), event("order-1"))
		if !errors.Is(err, producer.ErrNoAnswer) || !strings.Contains(err.Error(), "in time") || len(n) != 1 {
			t.Errorf("got %v after %d tries", err, len(n))
		}
	})
	t.Run("the caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		r := newRouter(t, zmq.Security{}, func(asked) { cancel() })
		p, _ := start(t, producer.Options{Connect: []string{r.at}}, nil)
		_, err := p.Send(ctx, event("order-1"))
		if !errors.Is(err, producer.ErrNoAnswer) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the caller gives up for lack of room", func(t *testing.T) {
		entered := make(chan asked, 1)
		r := newRouter(t, zmq.Security{}, func(a asked) { entered <- a })
		p, stop := start(t, producer.Options{Connect: []string{r.at}, UnderWay: 1}, nil)
		first := make(chan error, 1)
		go func() {
			_, err := p.Send(soon(t), event("order-1"))
			first <- err
		}()
		<-entered
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := p.Send(ctx, event("order-2")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		stop()
		if err := <-first; !errors.Is(err, producer.ErrClosed) || !errors.Is(err, producer.ErrNoAnswer) {
			t.Errorf("at the end of Run: %v", err)
		}
		if _, err := p.Send(soon(t), event("order-3")); !errors.Is(err, producer.ErrClosed) {
			t.Errorf("after the end of Run: %v", err)
		}
		if err := p.Run(context.Background()); err == nil {
			t.Error("it runs twice")
		}
	})
}

func TestLateAnswersAreNobodys(t *testing.T) {
	var first asked
	n := 0
	r := newRouter(t, zmq.Security{}, func(a asked) {
		if n++; n == 1 {
			first = a
			return
		}
		first.answer(taken("late", "accepted"))
		a.answer(taken("order-1", "duplicate"))
		a.answer(taken("twice", "accepted"))
	})
	p, _ := start(t, producer.Options{Connect: []string{r.at}, Timeout: 300 * time.Millisecond}, nil)
	if a, err := p.Send(soon(t), event("order-1")); err != nil || a.ID != "order-1" {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestTriesGoRoundTheRouters(t *testing.T) {
	var one, two atomic.Int64
	busy := func(n *atomic.Int64) func(asked) {
		return func(a asked) {
			n.Add(1)
			a.answer(taken(idOf(a.body), "accepted"))
		}
	}
	r1, r2 := newRouter(t, zmq.Security{}, busy(&one)), newRouter(t, zmq.Security{}, busy(&two))
	p, _ := start(t, producer.Options{Connect: []string{r1.at, r2.at}}, nil)
	for n := 0; one.Load() == 0 || two.Load() == 0; n++ {
		if _, err := p.Send(soon(t), event(fmt.Sprintf("order-%d", n))); err != nil {
			t.Fatal(err)
		}
	}
	r1.stop()
	if _, err := p.Send(soon(t), event("last")); err != nil {
		t.Errorf("with one router gone: %v", err)
	}
}

func TestBatch(t *testing.T) {
	const result = `{"id":%q,"source":"s","status_code":%d,"status":%q,"code":%q,"retry_after":%d}`
	round := 0
	r := newRouter(t, zmq.Security{}, func(a asked) {
		a.verify(t, typeBatch)
		var events []struct{ ID string }
		if err := json.Unmarshal(a.body, &events); err != nil {
			t.Errorf("%s: %v", a.body, err)
		}
		round++
		var results []string
		for _, e := range events {
			switch {
			case e.ID == "bad":
				results = append(results, fmt.Sprintf(result, e.ID, 403, "", "forbidden", 0))
			case e.ID == "full" || e.ID == "slow" && round < 3:
				results = append(results, fmt.Sprintf(result, e.ID, 503, "", "channel_full", 5))
			default:
				results = append(results, fmt.Sprintf(result, e.ID, 202, "accepted", "", 0))
			}
		}
		a.answer(`{"results":[` + strings.Join(results, ",") + `],"status_code":200}`)
	})
	var pauses []time.Duration
	p, _ := start(t, producer.Options{Connect: []string{r.at}, Retries: 3}, func(d time.Duration) { pauses = append(pauses, d) })
	a, err := p.SendBatch(soon(t), [][]byte{event("good"), event("slow"), event("bad"), event("full"), event("dotted.id")})
	if err != nil || a.StatusCode != 200 {
		t.Fatalf("got %+v, %v", a, err)
	}
	var got []string
	for _, r := range a.Results {
		got = append(got, fmt.Sprintf("%s %d", r.ID, r.StatusCode))
	}
	if want := "[good 202 slow 202 bad 403 full 503 dotted.id 202]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	r.stop()
	if round != 4 || len(pauses) != 3 || pauses[0] <= 5*time.Second {
		t.Errorf("%d rounds, pauses %v", round, pauses)
	}
}

func TestBatchAsAWhole(t *testing.T) {
	var answer atomic.Value
	answer.Store(refusal(413, "too_large", 0))
	r := newRouter(t, zmq.Security{}, func(a asked) { a.answer(answer.Load().(string)) })
	p, _ := start(t, producer.Options{Connect: []string{r.at}, Retries: 1}, nil)
	_, err := p.SendBatch(soon(t), [][]byte{event("a"), event("b")})
	wantRefused(t, err, 413, "too_large")
	for _, text := range []string{`{"status_code":200}`, `{"results":[{"status_code":202}],"status_code":200}`, `{"results":[1,2],"status_code":200}`} {
		answer.Store(text)
		if _, err := p.SendBatch(soon(t), [][]byte{event("a"), event("b")}); !errors.Is(err, producer.ErrNoAnswer) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := p.SendBatch(soon(t), [][]byte{event("a"), []byte("{}")}); err == nil || !strings.Contains(err.Error(), "event 1 of the batch") {
		t.Errorf("got %v", err)
	}
}

func TestEventThatCannotBeSentIsNotSent(t *testing.T) {
	p, _ := start(t, producer.Options{Connect: []string{"tcp://127.0.0.1:1"}}, nil)
	for _, text := range []string{"", "[]", `{"specversion":"1.0","id":"a"}`} {
		if _, err := p.Send(soon(t), []byte(text)); err == nil || errors.Is(err, producer.ErrNoAnswer) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := p.Send(soon(t), event("dotted.id")); err == nil || !strings.Contains(err.Error(), `"dotted.id" cannot be signed`) {
		t.Errorf("got %v", err)
	}
}

func TestCurve(t *testing.T) {
	server, mine := curve.NewSecret(), curve.NewSecret()
	admit := func(key curve.Public) (zmq.Admitted, error) {
		if key != mine.Public() {
			return zmq.Admitted{}, errors.New("a stranger")
		}
		return zmq.Admitted{Name: "till"}, nil
	}
	r := newRouter(t, zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{server}, Admit: admit}}, func(a asked) {
		a.answer(taken(a.peer.Name(), "accepted"))
	})
	dial := func(secret *curve.Secret, server curve.Public) (producer.Answer, error) {
		p, stop := start(t, producer.Options{Connect: []string{r.at}, Security: zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{secret}, Server: server}},
			Timeout: 500 * time.Millisecond, Retries: -1}, nil)
		defer stop()
		return p.Send(soon(t), event("order-1"))
	}
	if a, err := dial(mine, server.Public()); err != nil || a.ID != "till" {
		t.Errorf("got %+v, %v", a, err)
	}
	if _, err := dial(curve.NewSecret(), server.Public()); !errors.Is(err, producer.ErrNoAnswer) {
		t.Errorf("a stranger gets %v", err)
	}
	if _, err := dial(mine, mine.Public()); !errors.Is(err, producer.ErrNoAnswer) {
		t.Errorf("another server's key: %v", err)
	}
}

func TestNewChecksItsOptions(t *testing.T) {
	good := func() producer.Options {
		return producer.Options{Connect: []string{"tcp://127.0.0.1:1"}, Signer: signer(t)}
	}
	for name, change := range map[string]func(*producer.Options){
		"no address":    func(o *producer.Options) { o.Connect = nil },
		"a bad address": func(o *producer.Options) { o.Connect = []string{"http://127.0.0.1:1"} },
		"no key":        func(o *producer.Options) { o.Signer = nil },
		"key and token": func(o *producer.Options) { o.Token = func(context.Context) (string, error) { return "t", nil } },
		"bound to none": func(o *producer.Options) { o.Bound = true },
		"a long wait":   func(o *producer.Options) { o.Wait = 26 * time.Second },
		"half a second": func(o *producer.Options) { o.Wait = time.Second / 2 },
		"negative":      func(o *producer.Options) { o.Timeout = -1 },
		"no server key": func(o *producer.Options) {
			o.Security.Curve = &zmq.Curve{Secrets: []*curve.Secret{curve.NewSecret()}}
		},
		"curve and TLS": func(o *producer.Options) {
			o.Security = zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{curve.NewSecret()}, Server: curve.NewSecret().Public()}, TLS: &tls.Config{}}
		},
	} {
		o := good()
		change(&o)
		if _, err := producer.New(o); err == nil || !strings.HasPrefix(err.Error(), "producer: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := producer.New(good()); err != nil {
		t.Error(err)
	}
}

func TestPause(t *testing.T) {
	for try, most := range map[int]time.Duration{0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 6: 6400 * time.Millisecond, 7: 10 * time.Second, 1000: 10 * time.Second} {
		for range 100 {
			if d := producer.Pause(try, time.Minute); d <= time.Minute || d > time.Minute+most {
				t.Fatalf("try %d: %v, want at most %v more than a minute", try, d, most)
			}
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(taken("a", "accepted")), 0)
	f.Add([]byte(refusal(503, "overloaded", 3)), 2)
	f.Add([]byte(`{"results":[{"status_code":202},{"status_code":503,"retry_after":1}],"status_code":200}`), 2)
	f.Add([]byte(`{"status_code":200,"retry_after":-1,"channels":{"a":{"result":[1]}}}`), 0)
	f.Fuzz(func(t *testing.T, text []byte, events int) {
		a, err := producer.ParseAnswer(text, max(events, 0))
		if err != nil {
			if !errors.Is(err, producer.ErrNoAnswer) {
				t.Errorf("got %v", err)
			}
			return
		}
		if a.StatusCode < 100 || a.RetryAfter < 0 || a.RetryAfter > time.Hour || events > 0 && a.Taken() && len(a.Results) != events {
			t.Errorf("%q gives %+v", text, a)
		}
	})
}
