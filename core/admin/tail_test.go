package admin_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/admin"
)

// watch tails until its test ends, or stop does.
func (r *rig) watch(f admin.Tail) (told chan admin.Told, stop func() error) {
	r.Helper()
	before := r.hub.Readers()
	told = make(chan admin.Told, 10_000)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- admin.NewClient(r.socket).Tail(ctx, f, func(line admin.Told) error { told <- line; return nil })
	}()
	r.Cleanup(cancel)
	r.eventually("it looks on", func() bool { return r.hub.Readers() == before+1 })
	return told, func() error { cancel(); return <-ended }
}

func TestTailSelects(t *testing.T) {
	r := start(t, nil)
	decisions := []admin.Decision{
		{What: admin.Accepted, ID: "1", Type: "com.example.order.created", Source: "//shop/till", Channels: []string{"commands", "telemetry"}, Payload: []byte(secretBody)},
		{What: admin.Refused, Code: "unauthenticated"},
		{What: admin.Refused, Code: "forbidden", ID: "2", Type: "com.example.reading.x", Source: "//depot/a"},
		{What: admin.Delivered, ID: "1", Type: "com.example.order.created", Source: "//shop/till", Channels: []string{"commands"}, Attempt: 1},
		{What: "end", ID: "end", Type: "com.example.order.end", Source: "//shop/end", Channels: []string{"commands"}},
	}
	for name, c := range map[string]struct {
		filter admin.Tail
		want   string
	}{
		"all":          {admin.Tail{}, "accepted refused refused delivered end"},
		"a channel":    {admin.Tail{Channel: "commands"}, "accepted delivered end"},
		"another":      {admin.Tail{Channel: "telemetry"}, "accepted"},
		"a type":       {admin.Tail{Type: "com.example.order.*"}, "accepted delivered end"},
		"a source":     {admin.Tail{Source: "//depot/**"}, "refused"},
		"refusals":     {admin.Tail{Refused: true}, "refused refused"},
		"both":         {admin.Tail{Refused: true, Type: "com.example.**"}, "refused"},
		"payloads too": {admin.Tail{Payload: true}, "accepted refused refused delivered end"},
	} {
		told, stop := r.watch(c.filter)
		for _, d := range decisions {
			r.hub.Publish(d)
		}
		var got []string
		for range strings.Fields(c.want) {
			line := <-told
			got = append(got, string(line.What))
			if (len(line.Payload) > 0) != (c.filter.Payload && line.What == admin.Accepted) {
				t.Errorf("%s: payload %q of %s", name, line.Payload, line.What)
			}
		}
		if err := stop(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Join(got, " ") != c.want || len(told) > 0 {
			t.Errorf("%s: %q, and %d more", name, got, len(told))
		}
		r.eventually("nobody looks on", func() bool { return !r.hub.On() })
	}
}

// TestASlowReaderMissesAndIsTold: where, and how many; nobody waits for it.
func TestASlowReaderMissesAndIsTold(t *testing.T) {
	r := start(t, nil)
	resp, err := r.http.Get("http://" + r.server.Address() + "/v1/tail") // no token: see that it does not count as one
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	req, err := http.NewRequest("GET", "http://"+r.server.Address()+"/v1/tail", nil)
	if err != nil {
		t.Fatal(err)
	}
	bearer(readSecret)(req)
	if resp, err = r.http.Do(req); err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	reason, published := strings.Repeat("x", 4000), uint64(0)
	publish := func() (missed bool) {
		before := r.hub.Missed()
		published++
		r.hub.Publish(admin.Decision{What: admin.Refused, Seq: published, Reason: reason})
		return r.hub.Missed() > before
	}
	for r.hub.Missed() < 500 { // while nothing is read
		publish()
	}
	var next, missed uint64 = 1, 0
	lines := bufio.NewScanner(resp.Body)
	for stage := 0; stage < 3 && lines.Scan(); {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var line admin.Told
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		switch {
		case line.Missed > 0:
			missed += line.Missed
			next += line.Missed
		case line.Seq != next:
			t.Fatalf("%d comes in the place of %d", line.Seq, next)
		default:
			next++
		}
		switch {
		case stage == 0:
			if publish() {
				break
			}
			for !publish() { // there was room again, behind what was missed; and then more is missed
			}
			stage++
		case stage == 1 && next > published: // it has caught up
			publish()
			stage++
		case stage == 2 && next > published:
			stage++
		}
	}
	if missed != r.hub.Missed() || next != published+1 {
		t.Errorf("told of %d missed, %d were; next is %d of %d", missed, r.hub.Missed(), next, published)
	}
}

// TestPayloadsAheadAreBounded in bytes, whatever their number.
func TestPayloadsAheadAreBounded(t *testing.T) {
	r := start(t, nil)
	req, err := http.NewRequest("GET", "http://"+r.server.Address()+"/v1/tail?payload=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	bearer(payloadSecret)(req)
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	large := make([]byte, 1<<20)
	n := 0
	for ; r.hub.Missed() == 0 && n < 1000; n++ {
		r.hub.Publish(admin.Decision{What: admin.Accepted, Payload: large})
	}
	if n > 100 {
		t.Errorf("%d MiB wait for one reader", n)
	}
	records, _ := r.ledger.taken()
	if len(records) != 1 || records[0].Verb != "payload.tail" || records[0].Actor != "token:t-payload" {
		t.Errorf("records are %+v", records)
	}
}

// TestNoMoreReadersThanThereMayBe.
func TestNoMoreReadersThanThereMayBe(t *testing.T) {
	r := start(t, nil)
	for range 16 {
		r.watch(admin.Tail{})
	}
	err := admin.NewClient(r.socket).Tail(t.Context(), admin.Tail{}, func(admin.Told) error { return nil })
	if !errors.Is(err, admin.ErrBad) || !strings.Contains(err.Error(), "16 look on already") {
		t.Errorf("got %v", err)
	}
}

// TestTailEndsWithTheRouter, and does not keep it from ending.
func TestTailEndsWithTheRouter(t *testing.T) {
	r := start(t, nil)
	ended := make(chan error, 1)
	go func() {
		ended <- admin.NewClient(r.socket).Tail(context.Background(), admin.Tail{}, func(admin.Told) error { return nil })
	}()
	r.eventually("it looks on", r.hub.On)
	r.stop()
	if err := <-ended; !errors.Is(err, admin.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if r.hub.On() {
		t.Error("its reader is still there")
	}
	if err := admin.NewClient(r.socket).Tail(t.Context(), admin.Tail{}, nil); !errors.Is(err, admin.ErrUnreachable) {
		t.Errorf("afterwards: %v", err)
	}
}

// TestTailEndsWithItsToken: who may no longer look on is shown nothing more, and who
// still may goes on.
func TestTailEndsWithItsToken(t *testing.T) {
	r := start(t, nil)
	look := func(secret, query string) *bufio.Scanner {
		req, err := http.NewRequest("GET", "http://"+r.server.Address()+"/v1/tail"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		bearer(secret)(req)
		resp, err := r.http.Do(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v %v", resp, err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return bufio.NewScanner(resp.Body)
	}
	stays, lowered, gone := look(readSecret, ""), look(operateSecret, ""), look(payloadSecret, "?payload=true")
	own, stop := r.watch(admin.Tail{})
	r.server.Use(admin.Access{Tokens: []admin.Token{token(admin.Read, readSecret), {Name: "t-operate", Role: admin.Read, Sum: sha256.Sum256([]byte(operateSecret))}}})
	r.eventually("two look on", func() bool { return r.hub.Readers() == 2 })
	r.hub.Publish(admin.Decision{What: admin.Accepted, ID: "later", Payload: []byte(secretBody)})
	for name, lines := range map[string]*bufio.Scanner{"gone": gone, "of another role": lowered} {
		for lines.Scan() {
			if len(lines.Bytes()) > 0 {
				t.Errorf("a token that is %s still sees %s", name, lines.Text())
			}
		}
	}
	for stays.Scan() && len(stays.Bytes()) == 0 { // a beat
	}
	if !strings.Contains(stays.Text(), `"id":"later"`) {
		t.Errorf("a token that stays sees %q", stays.Text())
	}
	if line := <-own; line.ID != "later" {
		t.Errorf("the unix socket shows %+v", line)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestTellEndsATail with its own error.
func TestTellEndsATail(t *testing.T) {
	r := start(t, nil)
	ended := make(chan error, 1)
	go func() {
		ended <- admin.NewClient(r.socket).Tail(context.Background(), admin.Tail{}, func(admin.Told) error { return errTest })
	}()
	r.eventually("it looks on", r.hub.On)
	r.hub.Publish(admin.Decision{What: admin.Accepted})
	if err := <-ended; !errors.Is(err, errTest) {
		t.Errorf("got %v", err)
	}
}

// TestDecisionsAreFreeWhenNobodyLooks.
func TestDecisionsAreFreeWhenNobodyLooks(t *testing.T) {
	var none *admin.Decisions
	none.Publish(admin.Decision{})
	if none.On() || none.Readers() != 0 || none.Missed() != 0 {
		t.Error("nil has readers")
	}
	hub := new(admin.Decisions)
	if n := testing.AllocsPerRun(100, func() { hub.Publish(admin.Decision{What: admin.Accepted, ID: "one"}) }); n != 0 {
		t.Errorf("%v allocations for nobody", n)
	}
}

func BenchmarkPublishToNobody(b *testing.B) {
	hub := new(admin.Decisions)
	for b.Loop() {
		if hub.On() {
			hub.Publish(admin.Decision{What: admin.Accepted})
		}
	}
}
