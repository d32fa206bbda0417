package journal_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestSalvageRemembersWhatWasWrittenLast loses the run that has the identity of
// an event whose own record, copied there last, is behind later ones: what is
// salvaged still knows it, and delivers it.
func TestSalvageRemembersWhatWasWrittenLast(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.Capacity = 1 << 20
	r.use(o)
	x := r.event("x", []byte("payload of x"), "b")
	r.churn(400)
	r.tidy()
	r.wantGone()
	r.disk = r.disk.CutMask(0)
	lost := ""
	for _, name := range r.disk.Names() {
		if strings.HasSuffix(name, ".run") {
			r.must(r.disk.Flip(name, 0, 1))
			lost = name
		}
	}
	to := disktest.New(disktest.Options{})
	told, err := journal.Salvage(r.disk, to)
	r.must(err)
	if len(told.Lost) != 1 || !strings.Contains(told.Lost[0], lost) || lost == "" {
		t.Errorf("lost are %q, damaged is %q", told.Lost, lost)
	}
	r.disk = to
	r.use(r.options())
	if got := r.j.Append(t.Context(), x)[0]; got.Err != nil || got.Verdict != outbox.Duplicate || got.Seq != 1 {
		t.Errorf("accepted again: %+v", got)
	}
	items, _, err := r.j.Ready("b", r.o.now, 10)
	r.must(err)
	if len(items) != 1 || !bytes.Equal(items[0].Entry.Event.Raw, x.Event.Raw) {
		t.Errorf("handed out: %+v", items)
	}
	r.must(r.j.Close())
}
