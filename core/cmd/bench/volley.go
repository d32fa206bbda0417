package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// volley is what came of shots fired at a server.
type volley struct {
	accepted int // events
	refused  int // events; nothing is lost without an answer
	elapsed  time.Duration
	sorted   []int64 // nanoseconds per request, ascending
}

// perSecond is how many events were accepted.
func (v *volley) perSecond() float64 { return float64(v.accepted) / v.elapsed.Seconds() }

// millis is the p-th percentile of a request's time in milliseconds.
func (v *volley) millis(p float64) float64 { return float64(percentile(v.sorted, p)) / 1e6 }

// fire posts shots over kept connections, each with one request under way,
// until window has passed or all are fired.
func fire(ctx context.Context, address string, s *shots, connections int, window time.Duration) (*volley, error) {
	lines := make([]*line, connections)
	for i := range lines {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		lines[i] = &line{conn: conn, times: make([]int64, 0, s.len()/connections*2)}
	}
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for _, l := range lines {
		if err := l.conn.SetDeadline(start.Add(window + childPatience)); err != nil {
			return nil, err
		}
		g.Go(func() error {
			for at := start; at.Sub(start) < window && ctx.Err() == nil; {
				i := int(next.Add(1)) - 1
				if i >= s.len() {
					return nil
				}
				if err := l.post(s.at(i)); err != nil {
					return fmt.Errorf("request to %s: %w", address, err)
				}
				now := time.Now()
				l.times = append(l.times, int64(now.Sub(at)))
				at = now
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	v := &volley{elapsed: time.Since(start)}
	for _, l := range lines {
		v.accepted += l.accepted
		v.refused += l.refused
		v.sorted = append(v.sorted, l.times...)
	}
	slices.Sort(v.sorted)
	return v, nil
}

// line is one kept HTTP/1.1 connection.
type line struct {
	conn              net.Conn
	buf               []byte
	times             []int64 // nanoseconds
	accepted, refused int
}

// post writes one request and reads its answer, which must say how long it is.
func (l *line) post(request []byte) error {
	if _, err := l.conn.Write(request); err != nil {
		return err
	}
	if l.buf == nil {
		l.buf = make([]byte, 64<<10)
	}
	for n := 0; ; {
		if n == len(l.buf) {
			l.buf = append(l.buf, make([]byte, n)...)
		}
		got, err := l.conn.Read(l.buf[n:])
		if err != nil {
			return err
		}
		n += got
		a, whole, err := parseAnswer(l.buf[:n])
		if err != nil {
			return err
		}
		if whole {
			l.accepted += a.accepted
			l.refused += a.refused
			return nil
		}
	}
}

// answer is what a server said about the events of one request.
type answer struct{ accepted, refused int }

// parseAnswer reads an HTTP/1.1 answer and reports whether text holds all of
// it. A 202 is one event accepted, a 200 a batch with a status for each.
func parseAnswer(text []byte) (_ answer, whole bool, err error) {
	head, body, found := bytes.Cut(text, []byte("\r\n\r\n"))
	if !found {
		return answer{}, false, nil
	}
	const version = "HTTP/1.1 "
	if len(head) < len(version)+3 {
		return answer{}, false, fmt.Errorf("no HTTP answer: %q", head)
	}
	const name = "content-length:"
	length := -1
	for field := range bytes.SplitSeq(head, []byte("\r\n")) {
		if len(field) > len(name) && bytes.EqualFold(field[:len(name)], []byte(name)) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(field[len(name):]))); err != nil {
				return answer{}, false, fmt.Errorf("content-length: %w", err)
			}
		}
	}
	if length < 0 {
		return answer{}, false, fmt.Errorf("an answer without a length: %q", head)
	}
	if len(body) < length {
		return answer{}, false, nil
	}
	switch string(head[len(version) : len(version)+3]) {
	case "202":
		return answer{accepted: 1}, true, nil
	case "200":
		accepted := bytes.Count(body, []byte(`"status_code":202`))
		return answer{accepted, bytes.Count(body, []byte(`"status_code":`)) - accepted}, true, nil
	}
	return answer{refused: 1}, true, nil
}
