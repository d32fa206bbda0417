package ingress_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/intake"
)

func TestBodyTooLarge(t *testing.T) {
	d := open(t, nil)
	large := event("order-1", orderType, `"`+strings.Repeat("x", maxBody)+`"`)
	t.Run("by Content-Length", func(t *testing.T) {
		d.do(d.signed("order-1", large)).refused(t, 413, "too_large")
	})
	t.Run("by Content-Length alone, before any of it came", func(t *testing.T) {
		resp, err := d.raw("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: " + typeEvent + "\r\nContent-Length: 1000000000\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != 413 || !resp.Close {
			t.Errorf("got %s, close %v", resp.Status, resp.Close)
		}
	})
	t.Run("chunked", func(t *testing.T) {
		req := d.signed("order-1", large)
		req.ContentLength, req.GetBody = -1, nil
		d.do(req).refused(t, 413, "too_large")
	})
	d.empty()
	t.Run("chunked, within", func(t *testing.T) {
		req := d.signed("order-1", order("order-1"))
		req.ContentLength, req.GetBody = -1, nil
		if a := d.do(req); a.status != 202 {
			t.Errorf("got %d %s", a.status, a.body)
		}
	})
}

// raw writes to a door's connection and reads one answer, or its end.
func (d *door) raw(text string) (*http.Response, error) {
	d.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		d.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(conn), nil)
}

// TestSlowBodyIsCut: who sends headers and then hardly a body is answered, and
// the connection is over.
func TestSlowBodyIsCut(t *testing.T) {
	for _, framing := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
		t.Run(framing, func(t *testing.T) {
			d := open(t, func(o *ingress.HTTPOptions) { o.Limits.BodyTimeout = 50 * time.Millisecond })
			resp, err := d.raw("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: " + typeEvent + "\r\n" + framing + "\r\n\r\n1")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != 400 || !resp.Close {
				t.Errorf("got %s, close %v", resp.Status, resp.Close)
			}
			d.empty()
		})
	}
}

func TestABodyNobodyReadsIsCutToo(t *testing.T) {
	for name, head := range map[string]string{
		"wrong type":   "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain",
		"wrong path":   "POST /nothing HTTP/1.1\r\nHost: x",
		"wrong method": "PUT /v1/events HTTP/1.1\r\nHost: x",
		"get":          "GET /v1/status?source=a&id=b HTTP/1.1\r\nHost: x",
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, func(o *ingress.HTTPOptions) { o.Limits.BodyTimeout = 50 * time.Millisecond })
			resp, err := d.raw(head + "\r\nContent-Length: 100\r\n\r\n1")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode < 400 {
				t.Errorf("got %s", resp.Status)
			}
		})
	}
}

func TestSlowHeadersAreCut(t *testing.T) {
	d := open(t, func(o *ingress.HTTPOptions) { o.Limits.HeaderTimeout = 50 * time.Millisecond })
	if resp, err := d.raw("POST /v1/events HTTP/1.1\r\nHost: x\r\n"); err == nil {
		_ = resp.Body.Close()
		t.Errorf("got %s, want the end of the connection", resp.Status)
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Errorf("the connection stays: %v", err)
	}
}

func TestHeadersTooLarge(t *testing.T) {
	d := open(t, nil)
	resp, err := d.raw("POST /v1/events HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 16<<10) + "\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s", resp.Status)
	}
}

func TestSmuggledLengthIsRefused(t *testing.T) {
	d := open(t, nil)
	resp, err := d.raw("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("got %s", resp.Status)
	}
	d.empty()
}

func TestBehindCutsOthers(t *testing.T) {
	for from, allowed := range map[string]bool{"127.0.0.0/8": true, "10.0.0.0/8": false} {
		t.Run(from, func(t *testing.T) {
			d := open(t, func(o *ingress.HTTPOptions) { o.Terms.Behind = []netip.Prefix{netip.MustParsePrefix(from)} })
			req := d.signed("order-1", order("order-1"))
			req.Header.Set("X-Forwarded-For", "10.0.0.1") // counts for nothing
			resp, err := d.client.Do(req)
			if err == nil {
				_ = resp.Body.Close()
			}
			if (err == nil) != allowed {
				t.Errorf("got %v", err)
			}
			if !allowed {
				d.empty()
			}
		})
	}
}

// admitting is an intake that admits everything.
type admitting struct {
	ingress.Intake
	shed chan string // what was refused unread; nil for nobody who asks
}

func (a admitting) Shed(ingress, bound string) error {
	if a.shed != nil {
		a.shed <- ingress + " " + bound
	}
	return &intake.Problem{Code: intake.Overloaded, RetryAfter: 1}
}

func (admitting) Admit(string, int64, int64) (intake.Work, error) { return intake.Work{}, nil }

// stuck is an intake that does not answer until it is let.
type stuck struct {
	admitting
	entered, let chan struct{}
}

func (s stuck) Accept(ctx context.Context, _ intake.Submission) (intake.Receipt, error) {
	s.entered <- struct{}{}
	<-s.let
	return intake.Receipt{Results: []intake.Result{{Status: intake.Queued}}}, nil
}

func TestTooManyRequests(t *testing.T) {
	s := stuck{admitting: admitting{shed: make(chan string, 1)}, entered: make(chan struct{}), let: make(chan struct{})}
	d := open(t, func(o *ingress.HTTPOptions) { o.Intake, o.Limits.Requests = s, 1 })
	first := make(chan answer)
	go func() { first <- d.do(d.signed("order-1", order("order-1"))) }()
	<-s.entered
	a := d.do(d.signed("order-2", order("order-2")))
	a.refused(t, 503, "overloaded")
	if told := <-s.shed; told != "edge requests" {
		t.Errorf("it is told as %q", told)
	}
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
	}
	close(s.let)
	if a := <-first; a.status != 202 {
		t.Errorf("the first got %d", a.status)
	}
}

func TestDraining(t *testing.T) {
	d := open(t, nil)
	d.do(d.signed("order-1", order("order-1")))
	waiting := make(chan answer)
	go func() {
		req := d.ask("/v1/status?source=//shop.example/till&id=order-1", request{})
		req.Header.Set("Prefer", "wait=25")
		waiting <- d.do(req)
	}()
	d.intake.Drain()
	if a := <-waiting; a.status != 200 || !strings.Contains(string(a.body), `"state":"pending"`) {
		t.Errorf("who waited got %d %s", a.status, a.body)
	}
	d.do(d.signed("order-2", order("order-2"))).refused(t, 503, "draining")
	d.do(d.signed("order-1", order("order-1"))).refused(t, 503, "draining")
}

// TestRunFinishesWhatIsUnderWay: a request that is worked on when the door shuts
// gets its answer.
func TestRunFinishesWhatIsUnderWay(t *testing.T) {
	s := stuck{entered: make(chan struct{}), let: make(chan struct{})}
	h := ingress.NewHTTP(ingress.HTTPOptions{Name: "edge", Intake: s, Limits: limits(), Terms: ingress.HTTPTerms{Terms: ingress.Terms{Body: maxBody}}})
	bound, err := h.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx, within(patience)) }()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	got := make(chan string, 1)
	go func() {
		req, err := http.NewRequest(http.MethodPost, "http://"+bound+"/v1/events", strings.NewReader("{}"))
		if err == nil {
			req.Header.Set("Content-Type", typeEvent)
			var resp *http.Response
			if resp, err = (&http.Client{Transport: transport, Timeout: patience}).Do(req); err == nil {
				_ = resp.Body.Close()
				got <- resp.Status
				return
			}
		}
		got <- fmt.Sprint(err)
	}()
	<-s.entered
	stop()
	close(s.let)
	if status := <-got; status != "202 Accepted" {
		t.Errorf("got %s", status)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestListenOnAnAddressInUse: the error says what to do, and the caller names the
// door.
func TestListenOnAnAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = ingress.NewHTTP(ingress.HTTPOptions{Name: "edge", Limits: limits()}).Listen(l.Addr().String())
	if err == nil || !strings.HasSuffix(err.Error(), ": stop what listens there, or set another listen") || strings.Contains(err.Error(), "edge") {
		t.Errorf("got %v", err)
	}
}
