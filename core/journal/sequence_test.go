package journal_test

import (
	"errors"
	"testing"

	"github.com/headgate-io/headgate/core/outbox"
)

// TestSequencesGoOnWhereSegmentsAreLost loses every segment but not what is
// remembered: a new event is above all that is covered, so that the next start
// knows it.
func TestSequencesGoOnWhereSegmentsAreLost(t *testing.T) {
	r := newRig(t, 1)
	r.open()
	r.load(20, nil)
	r.take("a", 100, outbox.Done)
	r.tidy()
	r.must(r.j.Close())
	r.must(errors.Join(r.disk.Remove("00000001.seg"), r.disk.Remove("00000001.idx"), r.disk.Sync()))
	r.use(r.options())
	e := newEntry("new", nil, outbox.Target{Channel: "a"})
	e.Accepted = r.o.now
	first := r.j.Append(t.Context(), e)[0]
	r.must(first.Err)
	if first.Seq <= 20 {
		t.Errorf("it has sequence %d, which was given before", first.Seq)
	}
	r.disk = r.disk.CutSeed(3)
	r.use(r.options())
	if got := r.j.Append(t.Context(), e)[0]; got.Err != nil || got.Verdict != outbox.Duplicate || got.Seq != first.Seq {
		t.Errorf("after a restart: %+v, at first %+v", got, first)
	}
	r.must(r.j.Close())
}
