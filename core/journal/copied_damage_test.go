package journal_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/outbox"
)

// TestADamagedEventIsNotCopied lets the segment of two waiting events go, one of
// which is damaged: it is named and dropped, the other is copied and delivered.
func TestADamagedEventIsNotCopied(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, 1)
	o := r.options()
	o.Capacity, o.Log = 1<<20, zerolog.New(&log)
	r.use(o)
	x, y := r.event("x", []byte("payload of x"), "b"), r.event("y", []byte("payload of y"), "b")
	r.flip("00000001.seg", "payload of x", 3)
	r.churn(400)
	r.tidy()
	r.wantGone()
	if st := r.j.Stats(); st.Channels["b"].Pending != 1 || st.Disk.Damaged != 1 {
		t.Errorf("there are %+v, and %d damaged records", st.Channels["b"], st.Disk.Damaged)
	}
	lost := ""
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "is lost") {
			lost += line
		}
	}
	if strings.Count(lost, "\n") != 1 || !strings.Contains(lost, `"seq":1,`) || !strings.Contains(lost, "00000001.seg") {
		t.Errorf("the log says %q of %s", lost, x.Event.ID)
	}
	for range 2 {
		items, _, err := r.j.Ready("b", r.o.now, 10)
		r.must(err)
		if len(items) != 1 || items[0].Entry.Event.ID != y.Event.ID {
			t.Errorf("handed out: %+v", items)
		}
		r.must(r.j.Verify(t.Context()))
		r.disk = r.disk.CutSeed(1)
		r.use(r.options())
	}
	r.take("b", 10, outbox.Done)
	r.must(r.j.Close())
}
