package ingress_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/intake"
)

// texts makes frames.
func texts(frames ...string) [][]byte {
	out := make([][]byte, len(frames))
	for i, f := range frames {
		out[i] = []byte(f)
	}
	return out
}

// scripted is a socket that gives what a test puts into it.
type scripted chan taken

type taken struct {
	frames [][]byte
	from   ingress.Sender
	err    error
}

func (s scripted) Recv(ctx context.Context) ([][]byte, ingress.Sender, error) {
	select {
	case got := <-s:
		return got.frames, got.from, got.err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// fakeSender takes as many answers as it has room for.
type fakeSender struct {
	id   uint64
	sent chan [][]byte
	mu   sync.Mutex
	cut  error
}

func newSender(id uint64, room int) *fakeSender {
	return &fakeSender{id: id, sent: make(chan [][]byte, room)}
}

func (s *fakeSender) ID() uint64   { return s.id }
func (s *fakeSender) Addr() string { return fmt.Sprintf("peer-%d", s.id) }
func (s *fakeSender) Name() string { return "" }
func (s *fakeSender) Send(answers ...[][]byte) bool {
	select {
	case s.sent <- answers[0]:
		return true
	default:
		return false
	}
}

func (s *fakeSender) Cut(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = why
}

func (s *fakeSender) wasCut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut != nil
}

// heard records submissions and accepts them.
type heard struct {
	admitting
	submissions chan intake.Submission
}

func (h heard) Accept(_ context.Context, s intake.Submission) (intake.Receipt, error) {
	h.submissions <- s
	return intake.Receipt{Results: []intake.Result{{ID: "a", Source: "b", Status: intake.Queued}}}, nil
}

// fakeDoor runs a door over a scripted socket.
func fakeDoor(t *testing.T, in ingress.Intake, l ingress.ZMQLimits) (z *ingress.ZMQ, to scripted, stop func()) {
	t.Helper()
	to = make(scripted)
	z = ingress.NewZMQ(ingress.ZMQOptions{Name: "edge", Intake: in, Socket: to, Terms: ingress.Terms{Body: maxBody, DefaultKeyIDs: []string{"k1"}}, Limits: l, Log: zerolog.Nop()})
	return z, to, (&door{t: t}).serve(z)
}

const goodHeaders = `{"content-type":"application/cloudevents+json"}`

func TestFramesOfARequest(t *testing.T) {
	id64, id65 := strings.Repeat("i", 64), strings.Repeat("i", 65)
	tests := []struct {
		name     string
		frames   []string
		envelope []string // what the answer begins with; nil for no answer
		status   string
	}{
		{"from a DEALER", []string{"id", goodHeaders, "body"}, []string{"id"}, "202"},
		{"an id of 64 bytes", []string{id64, goodHeaders, "body"}, []string{id64}, "202"},
		{"an empty id", []string{"", goodHeaders, "body"}, []string{""}, "202"},
		{"from a REQ", []string{"", "id", goodHeaders, "body"}, []string{"", "id"}, "202"},
		{"from a REQ, an id of 64 bytes", []string{"", id64, goodHeaders, "body"}, []string{"", id64}, "202"},
		{"from a REQ, an empty id", []string{"", "", goodHeaders, "body"}, []string{"", ""}, "202"},
		{"an empty body", []string{"id", goodHeaders, ""}, []string{"id"}, "202"},

		{"no headers", []string{"id", "", "body"}, []string{"id"}, "400"},
		{"one frame", []string{"id"}, []string{"id"}, "400"},
		{"two frames", []string{"id", goodHeaders}, []string{"id"}, "400"},
		{"a REQ without id", []string{"", goodHeaders, "body"}, []string{""}, "202"},
		{"a REQ with two frames less", []string{"", "body"}, []string{""}, "400"},
		{"four frames, the first an id", []string{"id", "more", goodHeaders, "body"}, []string{"id"}, "400"},
		{"five frames", []string{"", "id", goodHeaders, "body", "more"}, []string{""}, "400"},
		{"a REQ with a long id", []string{"", id65, goodHeaders, "body"}, []string{""}, "400"},
		{"a long id", []string{id65, goodHeaders, "body"}, nil, ""},
		{"a long frame", []string{id65}, nil, ""},
		{"nothing", nil, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := heard{submissions: make(chan intake.Submission, 1)}
			z, to, _ := fakeDoor(t, in, zmqLimits())
			from := newSender(1, 2)
			to <- taken{frames: texts(tt.frames...), from: from}
			// A second one shows that the first was read to its end.
			to <- taken{frames: texts(id65), from: from}
			to <- taken{frames: texts(id65), from: from}
			if tt.envelope == nil {
				if c := z.Counts(); c.Dropped < 2 || c.Answers != 0 || from.wasCut() {
					t.Errorf("counts are %+v, cut %v", c, from.wasCut())
				}
				return
			}
			got := <-from.sent
			if n := len(got) - 1; n != len(tt.envelope) || fmt.Sprintf("%q", got[:n]) != fmt.Sprintf("%q", tt.envelope) {
				t.Fatalf("answered with %q, want %q and JSON", got, tt.envelope)
			}
			if !strings.Contains(string(got[len(got)-1]), `"status_code":`+tt.status) {
				t.Errorf("got %s, want %s", got[len(got)-1], tt.status)
			}
			if tt.status == "202" {
				if s := <-in.submissions; string(s.Body) != tt.frames[len(tt.frames)-1] || s.Addr != "peer-1" || s.Ingress != "edge" || s.RequestID == "" {
					t.Errorf("submitted %+v", s)
				}
			}
		})
	}
}

func TestHeadersOfARequest(t *testing.T) {
	tests := []struct {
		name, headers, want string // a text of the answer, or nothing for a submission
	}{
		{"all", `{"content-type":"application/cloudevents+json","headgate-key-id":"k","webhook-id":"i","webhook-timestamp":"1","webhook-signature":"s","authorization":"a","headgate-event-key":"e"}`, ""},
		{"spaces", " {\t\"content-type\" : \"application/cloudevents+json\" , \"x\":\"\"}\n", ""},
		{"unknown names", `{"content-type":"application/cloudevents+json","x-more":"1","!#$%&'*+-.^_|~9":""}`, ""},
		{"ce- beside a structured event", `{"content-type":"application/cloudevents+json","ce-id":"1"}`, ""},
		{"escaped", `{"content-typ\u0065":"application\/cloudevents+json"}`, ""},
		{"binary mode", `{"content-type":"application/json","ce-id":"1"}`, "Binary mode needs a token"},
		{"no content type", `{}`, "unsupported_type"},
		{"a name twice", `{"content-type":"application/cloudevents+json","x":"1","x":"1"}`, `\"x\" occurs twice`},
		{"a name twice, once escaped", `{"webhook-id":"1","webhook-i\u0064":"1"}`, `occurs twice`},
		{"capitals", `{"Content-Type":"application/cloudevents+json"}`, "lower case"},
		{"capitals beside", `{"webhook-id":"1","Webhook-Id":"2"}`, "lower case"},
		{"an empty name", `{"":"1"}`, "lower case"},
		{"a name with a space", `{"webhook id":"1"}`, "lower case"},
		{"a name beyond ASCII", `{"é":"1"}`, "lower case"},
		{"a number", `{"webhook-timestamp":1}`, `\"webhook-timestamp\" is not a string`},
		{"null", `{"webhook-id":null}`, "not a string"},
		{"a list", `{"webhook-id":["1"]}`, "not a string"},
		{"an object", `{"webhook-id":{"a":"b"}}`, "not a string"},
		{"half a surrogate pair", `{"webhook-id":"\ud800"}`, "not a string"},
		{"invalid UTF-8", "{\"webhook-id\":\"\xff\"}", "not UTF-8"},
		{"a byte order mark", "\xef\xbb\xbf{}", "not one JSON object"},
		{"nothing", "", "not one JSON object"},
		{"a list of all", `[]`, "not one JSON object"},
		{"a string of all", `"{}"`, "not one JSON object"},
		{"bytes behind", `{} {}`, "not one JSON object"},
		{"a trailing comma", `{"x":"1",}`, "not one JSON object"},
		{"no comma", `{"x":"1" "y":"1"}`, "not one JSON object"},
		{"an end missing", `{"x":"1"`, "not one JSON object"},
		{"as many bytes as allowed", `{"content-type":"application/cloudevents+json","x":"` + strings.Repeat("x", 4096-54) + `"}`, ""},
		{"one more", `{"content-type":"application/cloudevents+json","x":"` + strings.Repeat("x", 4096-53) + `"}`, "Headers have at most 4096 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := heard{submissions: make(chan intake.Submission, 1)}
			_, to, _ := fakeDoor(t, in, zmqLimits())
			from := newSender(1, 1)
			to <- taken{frames: texts("id", tt.headers, "body"), from: from}
			got := (<-from.sent)[1]
			if tt.want != "" {
				if !strings.Contains(string(got), tt.want) || !json.Valid(got) || len(in.submissions) > 0 {
					t.Errorf("got %s, want %q", got, tt.want)
				}
				return
			}
			if len(in.submissions) == 0 {
				t.Fatalf("refused: %s", got)
			}
			c := (<-in.submissions).Credential
			if string(c.Signed) != "body" || fmt.Sprint(c.DefaultKeyIDs) != "[k1]" {
				t.Errorf("credential is %+v", c)
			}
			shown := fmt.Sprint(c.KeyID, c.WebhookID, c.Timestamp, c.Signature, c.Authorization, c.EventKey)
			want := "[] [] [] [] [] []"
			if tt.name == "all" {
				want = "[k] [i] [1] [s] [a] [e]"
			}
			if shown != want {
				t.Errorf("credential has %s, want %s", shown, want)
			}
		})
	}
}

func TestPreferWaitOverZeroMQ(t *testing.T) {
	for value, want := range map[string]string{"wait=5": "5s", "respond-async, wait=90": "25s", "wait=x": "0s", "": "0s"} {
		in := heard{submissions: make(chan intake.Submission, 2)}
		_, to, _ := fakeDoor(t, in, zmqLimits())
		from := newSender(1, 2)
		for _, kind := range []string{typeEvent, typeBatch} {
			to <- taken{frames: texts("id", fmt.Sprintf(`{"content-type":%q,"prefer":%q}`, kind, value), "body"), from: from}
			s := <-in.submissions
			if kind == typeBatch {
				want = "0s" // a batch never waits
			}
			if s.Wait.String() != want || s.Batch != (kind == typeBatch) {
				t.Errorf("prefer %q: waits %v, batch %v; want %s", value, s.Wait, s.Batch, want)
			}
			<-from.sent
		}
	}
}

func TestAnswersHoldTheirStatus(t *testing.T) {
	d := openZMQ(t, nil)
	ask := func(req *http.Request) string {
		send(t, d.dealer, []byte("r"), headersOf(t, req.Header), bodyOf(t, req))
		return requestIDs.ReplaceAllString(string(recv(t, d.dealer)[1]), `"request_id":".."`)
	}
	for _, tt := range []struct {
		req  *http.Request
		want string
	}{
		{d.signed("order-1", order("order-1")), `{"id":"order-1","source":"//shop.example/till","status":"queued","status_code":202}`},
		{d.signed("order-1", order("order-1")), `{"id":"order-1","source":"//shop.example/till","status":"duplicate","status_code":200}`},
		{d.make(request{id: "b", kind: typeBatch, body: []byte("[" + string(order("order-2")) + "]")}),
			`{"results":[{"id":"order-2","source":"//shop.example/till","status_code":202,"status":"queued"}],"status_code":200}`},
		{d.signed("n-1", event("n-1", "com.example.narrow", "1")),
			`{"type":"about:blank","title":"The way this event would go is full for now.","status":503,"code":"channel_full","request_id":"..","status_code":503,"retry_after":5}`},
		{d.make(request{id: "order-3", kind: typeEvent, body: order("order-3"), keyID: "nobody", signer: hmacSigner(t, 1)}),
			`{"type":"about:blank","title":"The request proves nobody's identity.","status":401,"code":"unauthenticated","request_id":"..","status_code":401}`},
	} {
		if got := ask(tt.req); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestBodyTooLargeOverZeroMQ(t *testing.T) {
	d := openZMQ(t, nil)
	large := event("order-1", orderType, `"`+strings.Repeat("x", maxBody)+`"`)
	d.do(d.signed("order-1", large)).refused(t, 413, "too_large")
	d.empty()
	// One far larger costs the connection; the next one is served.
	send(t, d.dealer, []byte("id"), []byte(goodHeaders), make([]byte, 10*maxBody))
	other := d.connect(d.url)
	d.dealer = other
	if a := d.do(d.signed("order-1", order("order-1"))); a.status != 202 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// held is an intake that answers each submission when it is let.
type held struct {
	admitting
	entered chan intake.Submission
	let     chan struct{}
}

func newHeld() held {
	return held{entered: make(chan intake.Submission, 100), let: make(chan struct{})}
}

func (h held) Accept(ctx context.Context, s intake.Submission) (intake.Receipt, error) {
	h.entered <- s
	select {
	case <-h.let:
		return intake.Receipt{Results: []intake.Result{{Status: intake.Queued}}}, nil
	case <-ctx.Done():
		return intake.Receipt{}, ctx.Err()
	}
}

func TestOverloadOfOnePeerLeavesOthersServed(t *testing.T) {
	in := newHeld()
	in.shed = make(chan string, 100)
	l := zmqLimits()
	l.RequestsPerPeer, l.Requests = 2, 3
	z, to, stop := fakeDoor(t, in, l)
	greedy, modest, third := newSender(1, 10), newSender(2, 10), newSender(3, 10)
	ask := func(from *fakeSender, id string) { to <- taken{frames: texts(id, goodHeaders, "body"), from: from} }
	refused := func(from *fakeSender, id string) {
		t.Helper()
		got := <-from.sent
		if string(got[0]) != id || !bytes.Contains(got[1], []byte(`"code":"overloaded"`)) || !bytes.HasSuffix(got[1], []byte(`"status_code":503,"retry_after":1}`)) {
			t.Errorf("got %s, want that %s is refused", got, id)
		}
	}
	ask(greedy, "g1")
	ask(greedy, "g2")
	ask(greedy, "g3") // beyond RequestsPerPeer
	refused(greedy, "g3")
	if told := <-in.shed; told != "edge zmq_requests" {
		t.Errorf("it is told as %q", told)
	}
	ask(modest, "m1")
	for range 3 {
		<-in.entered
	}
	ask(third, "t1") // beyond Requests
	refused(third, "t1")
	if told := <-in.shed; told != "edge requests" {
		t.Errorf("it is told as %q", told)
	}
	in.let <- struct{}{}
	in.let <- struct{}{}
	in.let <- struct{}{}
	ids := map[string]bool{string((<-greedy.sent)[0]): true, string((<-greedy.sent)[0]): true, string((<-modest.sent)[0]): true}
	if !ids["g1"] || !ids["g2"] || !ids["m1"] {
		t.Errorf("answered: %v", ids)
	}
	// What is answered makes room again, as soon as it has left.
	for sent := false; !sent; {
		ask(greedy, "g4")
		select {
		case <-in.entered:
			sent = true
		case <-greedy.sent:
		}
	}
	close(in.let)
	<-greedy.sent
	stop()
	if c := z.Counts(); c.Dropped != 0 || c.Requests != c.Answers {
		t.Errorf("counts are %+v", c)
	}
}

func TestAnswersComeOutOfOrder(t *testing.T) {
	in := newHeld()
	d := openZMQ(t, func(o *ingress.ZMQOptions) { o.Intake = waitForSlow{in} })
	send(t, d.dealer, []byte("slow"), []byte(goodHeaders), []byte("slow"))
	<-in.entered
	send(t, d.dealer, []byte("quick"), []byte(goodHeaders), []byte("quick"))
	if got := recv(t, d.dealer); string(got[0]) != "quick" {
		t.Errorf("got %q first", got[0])
	}
	close(in.let)
	if got := recv(t, d.dealer); string(got[0]) != "slow" {
		t.Errorf("got %q then", got[0])
	}
}

type waitForSlow struct{ held }

func (w waitForSlow) Accept(ctx context.Context, s intake.Submission) (intake.Receipt, error) {
	if string(s.Body) == "slow" {
		return w.held.Accept(ctx, s)
	}
	return intake.Receipt{Results: []intake.Result{{Status: intake.Queued}}}, nil
}

func TestPeerThatTakesNothingIsCut(t *testing.T) {
	in := heard{submissions: make(chan intake.Submission, 10)}
	z, to, stop := fakeDoor(t, in, zmqLimits())
	from, other := newSender(1, 1), newSender(2, 1)
	to <- taken{frames: texts("1"), from: from}
	to <- taken{frames: texts("2"), from: from} // there is no room for this answer
	to <- taken{frames: texts("3"), from: other}
	<-other.sent
	stop()
	if !from.wasCut() || other.wasCut() {
		t.Errorf("cut: %v and %v, want the first alone", from.wasCut(), other.wasCut())
	}
	if c := z.Counts(); c != (ingress.ZMQCounts{Requests: 3, Answers: 2, Dropped: 1}) {
		t.Errorf("counts are %+v", c)
	}
}

func TestDoorAnswersWhatIsUnderWayAtItsEnd(t *testing.T) {
	in := newHeld()
	to := make(scripted)
	z := ingress.NewZMQ(ingress.ZMQOptions{Name: "edge", Intake: in, Socket: to, Terms: ingress.Terms{Body: maxBody}, Limits: zmqLimits(), Log: zerolog.Nop()})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- z.Run(ctx, within(patience)) }()
	from := newSender(1, 1)
	to <- taken{frames: texts("id", goodHeaders, "body"), from: from}
	<-in.entered
	stop()
	in.let <- struct{}{}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := <-from.sent; !bytes.Contains(got[1], []byte(`"status_code":202`)) {
		t.Errorf("got %s", got[1])
	}
}

func TestDoorCutsShortWhatOutlastsItsDrain(t *testing.T) {
	in := newHeld()
	to := make(scripted)
	z := ingress.NewZMQ(ingress.ZMQOptions{Name: "edge", Intake: in, Socket: to, Terms: ingress.Terms{Body: maxBody}, Limits: zmqLimits(), Log: zerolog.Nop()})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- z.Run(ctx, within(0)) }()
	from := newSender(1, 1)
	to <- taken{frames: texts("id", goodHeaders, "body"), from: from}
	<-in.entered
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := <-from.sent; !bytes.Contains(got[1], []byte(`"status_code":503`)) {
		t.Errorf("got %s", got[1])
	}
}

func TestDoorEndsWithItsSocket(t *testing.T) {
	to := make(scripted, 1)
	to <- taken{err: errors.New("the socket is closed")}
	z := ingress.NewZMQ(ingress.ZMQOptions{Name: "edge", Socket: to, Terms: ingress.Terms{Body: maxBody}, Limits: zmqLimits()})
	if err := z.Run(context.Background(), within(patience)); err == nil || err.Error() != "ingress edge: the socket is closed" {
		t.Errorf("got %v", err)
	}
}

type panicking struct{ admitting }

func (panicking) Accept(context.Context, intake.Submission) (intake.Receipt, error) { panic("broken") }

func TestPanicCostsItsOwnRequest(t *testing.T) {
	var log bytes.Buffer
	to := make(scripted)
	z := ingress.NewZMQ(ingress.ZMQOptions{Name: "edge", Intake: panicking{}, Socket: to, Terms: ingress.Terms{Body: maxBody}, Limits: zmqLimits(), Log: zerolog.New(&log)})
	stop := (&door{t: t}).serve(z)
	from := newSender(1, 1)
	for range 2 {
		to <- taken{frames: texts("id", goodHeaders, "body"), from: from}
		if got := <-from.sent; !bytes.Contains(got[1], []byte(`"status_code":503`)) {
			t.Errorf("got %s", got[1])
		}
	}
	stop()
	if !strings.Contains(log.String(), `"panic":"broken"`) {
		t.Errorf("the log says %s", log.String())
	}
}

func TestDrainingOverZeroMQ(t *testing.T) {
	d := openZMQ(t, nil)
	d.intake.Drain()
	d.do(d.signed("order-1", order("order-1"))).refused(t, 503, "draining")
}
