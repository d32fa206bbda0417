package ingress_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/intake"
)

// bounded gives the intake behind a door bounds of admission.
func (d *door) bounded(a intake.Admission) {
	d.t.Helper()
	g := rules(d.t)
	g.Batch, g.Telemetry, g.Admission = 10, map[string]intake.Publisher{"telemetry": d.seen}, a
	d.intake.Use(g)
}

// large is an event that is larger than a body that is allocated at once.
func large(id string) []byte {
	return event(id, orderType, `"`+strings.Repeat("x", 200<<10)+`"`)
}

func wide(o *ingress.HTTPOptions) { o.Terms.Body = 1 << 20 }

// TestRefusedUnread: of a request beyond the bounds nothing is read, and its
// sender is told when to come back.
func TestRefusedUnread(t *testing.T) {
	eachDoor(t, func(t *testing.T, d *door) {
		d.bounded(intake.Admission{PerSecond: 0.001})
		if a := d.do(d.signed("order-1", order("order-1"))); a.status != 202 {
			t.Fatalf("got %d %s", a.status, a.body)
		}
		a := d.do(d.signed("order-2", order("order-2")))
		a.refused(t, 503, "overloaded")
		if a.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
		}
		d.bounded(intake.Admission{Bytes: 16})
		d.do(d.signed("order-3", order("order-3"))).refused(t, 503, "overloaded")
		d.bounded(intake.Admission{Bytes: 4096})
		for n := range 100 { // what a request held comes back
			id := fmt.Sprintf("later-%d", n)
			if a := d.do(d.signed(id, order(id))); a.status != 202 {
				t.Fatalf("got %d %s", a.status, a.body)
			}
		}
	})
}

func TestAskingIsAdmittedToo(t *testing.T) {
	d := open(t, nil)
	d.bounded(intake.Admission{PerSecond: 0.001})
	d.do(d.ask("/v1/status?source=a&id=b", request{})).refused(t, 404, "not_found")
	d.do(d.ask("/v1/status?source=a&id=b", request{})).refused(t, 503, "overloaded")
}

// TestAnAnnouncementIsRefusedBeforeItComes: nobody sends in vain what does not fit,
// and who announces much and sends little holds little.
func TestAnAnnouncementIsRefusedBeforeItComes(t *testing.T) {
	d := open(t, wide)
	d.bounded(intake.Admission{Bytes: 300 << 10})
	head := "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: " + typeEvent + "\r\nContent-Length: %d\r\n\r\n"
	resp, err := d.raw(fmt.Sprintf(head, 400<<10))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 503 || !resp.Close || resp.Header.Get("Retry-After") == "" {
		t.Errorf("got %s, close %v", resp.Status, resp.Close)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, fmt.Sprintf(head, 290<<10)+"{"); err != nil {
		t.Fatal(err)
	}
	if a := d.do(d.signed("order-1", large("order-1"))); a.status != 202 {
		t.Errorf("beside one that announces: %d %s", a.status, a.body)
	}
}

// TestABodyThatGrowsIsBounded: with and without an announcement.
func TestABodyThatGrowsIsBounded(t *testing.T) {
	for name, announced := range map[string]bool{"announced": true, "chunked": false} {
		t.Run(name, func(t *testing.T) {
			d := open(t, wide)
			send := func(id string) answer {
				body := large(id)
				req := d.signed(id, body)
				if !announced {
					req.ContentLength, req.GetBody = -1, nil
				}
				return d.do(req)
			}
			d.bounded(intake.Admission{Bytes: 1 << 20})
			if a := send("order-1"); a.status != 202 {
				t.Errorf("with room: %d %s", a.status, a.body)
			}
			if !announced {
				d.bounded(intake.Admission{Bytes: 100 << 10})
				send("order-2").refused(t, 503, "overloaded")
				d.do(d.signed("order-3", order("order-3"))).want(t, 202, `{"id":"order-3","source":"//shop.example/till","status":"queued"}`)
			}
		})
	}
}

// TestBodiesOfEveryLength: each arrives as it was sent.
func TestBodiesOfEveryLength(t *testing.T) {
	d := open(t, wide)
	d.bounded(intake.Admission{Bytes: 2 << 20})
	for _, length := range []int{4095, 4096, 4097, 64<<10 - 1, 64 << 10, 64<<10 + 1, 128 << 10, 1<<20 - 1, 1 << 20} {
		for _, announced := range []bool{true, false} {
			id := fmt.Sprintf("length-%d-%v", length, announced)
			body := event(id, "com.example.reading", `""`)
			body = event(id, "com.example.reading", `"`+strings.Repeat("x", length-len(body))+`"`)
			req := d.signed(id, body)
			if !announced {
				req.ContentLength, req.GetBody = -1, nil
			}
			if a := d.do(req); len(body) != length || a.status != 202 {
				t.Errorf("%d bytes, announced %v: %d %s", len(body), announced, a.status, a.body)
			}
		}
	}
	if a := d.do(d.signed("one-more", order("one-more"))); a.status != 202 {
		t.Errorf("after it: %d %s", a.status, a.body)
	}
}

// TestACutBodyGivesBack: what a request held that ended early comes back.
func TestACutBodyGivesBack(t *testing.T) {
	d := open(t, func(o *ingress.HTTPOptions) { wide(o); o.Limits.BodyTimeout = 50 * time.Millisecond })
	d.bounded(intake.Admission{Bytes: 256 << 10})
	for _, framing := range []string{"Content-Length: 200000", "Transfer-Encoding: chunked"} {
		resp, err := d.raw("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: " + typeEvent + "\r\n" + framing + "\r\n\r\n1")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 400 {
			t.Errorf("got %s", resp.Status)
		}
	}
	if a := d.do(d.signed("order-1", large("order-1"))); a.status != 202 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// TestWorkOverZMQIsGivenBack: whatever becomes of the request.
func TestWorkOverZMQIsGivenBack(t *testing.T) {
	in := newDoor(t)
	in.bounded(intake.Admission{Bytes: 1000})
	to := make(scripted)
	z := ingress.NewZMQ(ingress.ZMQOptions{Name: "edge", Intake: in.intake, Socket: to, Terms: ingress.Terms{Body: maxBody}, Limits: zmqLimits(), Log: zerolog.Nop()})
	in.serve(z)
	from := newSender(1, 1)
	for range 100 {
		to <- taken{frames: texts("id", goodHeaders, strings.Repeat("x", 900)), from: from}
		if got := <-from.sent; !strings.Contains(string(got[1]), `"status_code":401`) {
			t.Fatalf("got %s", got[1])
		}
	}
	to <- taken{frames: texts("id", goodHeaders, strings.Repeat("x", 1000)), from: from}
	if got := <-from.sent; !strings.Contains(string(got[1]), `"status_code":503,"retry_after":1`) {
		t.Errorf("got %s", got[1])
	}
}
