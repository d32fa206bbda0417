package journal_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestADamagedFactIsMissed flips bytes of one record: the follower is told the
// others, and goes on.
func TestADamagedFactIsMissed(t *testing.T) {
	for _, c := range []struct {
		name, what string
		by         int
	}{{"its body", "payload of y", 3}, {"its length", "payload of y", -1}, {"the last record of a segment", "payload of last", 3},
		{"the end of the file", "payload of last", 0}} {
		t.Run(c.name, func(t *testing.T) {
			r := three(t, true)
			r.w = newWitness(true)
			name := r.segmentOf(c.what)
			switch {
			case c.by == 0:
				r.truncate(name, int64(bytes.Index(r.disk.Bytes(name), []byte(c.what))))
			case c.by < 0:
				at := 64
				for all := r.disk.Bytes(name); at < len(all); {
					n := int(all[at]) | int(all[at+1])<<8
					if bytes.Contains(all[at:at+8+n], []byte(c.what)) {
						break
					}
					at += (8 + n + 7) / 8 * 8
				}
				r.must(r.disk.Flip(name, int64(at)+2, 0x7f))
			default:
				r.flip(name, c.what, c.by)
			}
			var said bytes.Buffer
			o := r.options()
			o.Log = zerolog.New(&said)
			r.use(o)
			r.event("new", nil, "a")
			var got []string
			end := r.j.Position()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			r.must(r.j.Follow(ctx, outbox.Position{}, func(batch []outbox.Fact) error {
				for _, f := range batch {
					got = append(got, f.Entry.Event.ID)
					if f.Position == end {
						cancel()
					}
				}
				return nil
			}))
			want := slices.DeleteFunc([]string{"x", "y", "z", "last", "new"}, func(id string) bool { return strings.HasSuffix(c.what, " "+id) })
			if !slices.Equal(got, want) || !strings.Contains(said.String(), "its follower is not told") {
				t.Errorf("told are %q; said is %s", got, said.String())
			}
			r.must(r.j.Close())
		})
	}
}

// TestADamagedOutcomeIsPassed loses the last outcome of a segment: what comes
// behind it has a position that is beyond it, so that the segment can go.
func TestADamagedOutcomeIsPassed(t *testing.T) {
	r := followed(t)
	r.open()
	r.load(1, nil)
	items, _, err := r.j.Ready("a", r.o.now, 1)
	r.must(err)
	r.must(r.j.Settle(t.Context(), []outbox.Outcome{{Seq: items[0].Seq, Channel: "a", Attempt: 1, At: r.o.now, Reason: "as it was told"}}))
	r.must(r.j.Close())
	r.flip("00000001.seg", "as it was told", 3)
	r.use(r.options())
	r.event("new", nil, "a")
	var got []outbox.Position
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r.must(r.j.Follow(ctx, outbox.Position{}, func(batch []outbox.Fact) error {
		for _, f := range batch {
			if got = append(got, f.Position); f.Seq == 2 {
				cancel()
			}
		}
		return nil
	}))
	if want := []outbox.Position{{Event: 1}, {Event: 2, State: 1}}; !slices.Equal(got, want) {
		t.Errorf("told are %+v, want %+v", got, want)
	}
	r.must(r.j.Close())
}

// TestADiskThatCannotBeReadEndsFollowing fails a read: who follows again is told
// all of it.
func TestADiskThatCannotBeReadEndsFollowing(t *testing.T) {
	r := followed(t)
	r.open()
	r.load(10, nil)
	r.must(r.j.Close())
	r.use(r.options())
	r.disk.Fail((&fault{kind: disktest.Read, first: 1, times: 1, err: errIO}).strike)
	if err := r.follow(newWitness(true), 1<<30); !errors.Is(err, errIO) {
		t.Errorf("follow: %v", err)
	}
	if n := len(r.facts(outbox.Position{})); n != 10 {
		t.Errorf("%d facts are told", n)
	}
	r.must(r.j.Close())
}
