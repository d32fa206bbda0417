//go:build unix

package journal_test

import (
	"bytes"
	"context"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/outbox"
)

// BenchmarkFollow appends events of 1 KiB, hands them out and ends them, a
// batch at a time, with nobody who follows and with somebody who is told all of
// it. The metric is the processor time of all of the process.
func BenchmarkFollow(b *testing.B) {
	for _, follow := range []bool{false, true} {
		b.Run("follow="+strconv.FormatBool(follow), func(b *testing.B) { benchFollow(b, follow) })
	}
}

func benchFollow(b *testing.B, follow bool) {
	const batch = 256
	o := journal.Options{Dir: b.TempDir(), Remember: time.Minute, KeepStatus: time.Nanosecond, MaxIDs: 1 << 30, Capacity: 1 << 40,
		MaxPending: map[string]int64{"a": 1 << 40}, Follow: follow, Log: zerolog.Nop()}
	j, err := journal.Open(o)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 2)
	told := 0
	go func() { ended <- j.Run(ctx) }()
	go func() {
		if !follow {
			ended <- nil
			return
		}
		ended <- j.Follow(context.Background(), outbox.Position{}, func(facts []outbox.Fact) error {
			j.Followed(facts[len(facts)-1].Position)
			if told += len(facts); told == 2*batch*b.N {
				return errEnough
			}
			return nil
		})
	}()
	e := newEntry("e", bytes.Repeat([]byte{'.'}, 900), outbox.Target{Channel: "a"})
	n := 0
	began := processor(b)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		list, now := make([]*outbox.Entry, batch), time.Now()
		for i := range list {
			x := *e
			x.Event.ID, x.Accepted = strconv.Itoa(n), now
			list[i] = &x
			n++
		}
		for _, got := range j.Append(ctx, list...) {
			if got.Err != nil {
				b.Fatal(got.Err)
			}
		}
		items, _, err := j.Ready("a", now, batch)
		if err != nil || len(items) != batch {
			b.Fatal(len(items), err)
		}
		done := make([]outbox.Outcome, batch)
		for i, x := range items {
			done[i] = outbox.Outcome{Seq: x.Seq, Channel: "a", Attempt: x.Attempt, At: now}
		}
		if err := j.Settle(ctx, done); err != nil {
			b.Fatal(err)
		}
	}
	if follow {
		if err := <-ended; err != errEnough { // all of it is told, too
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(processor(b)-began)/float64(n), "cpu-ns/event")
	cancel()
	<-ended
	if !follow {
		<-ended
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}

// processor is the time that the process has had, of the system too.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
