package audit_test

import (
	"context"
	"testing"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

func TestWhatIsWrittenComesBackAndChecksOut(t *testing.T) {
	d, c, out := disktest.New(disktest.Options{}), newClock(), newExport()
	o := options(d, c)
	o.MaxFile, o.Exports = 4<<10, []audit.Export{out}
	l := open(t, o)
	accept(t, l, 1, 50)
	if err := l.Write(context.Background(), audit.Record{Action: "admin.act", Outcome: audit.Success, Actor: "uid:0(root)", Why: "because"}); err != nil {
		t.Fatal(err)
	}
	if got := l.Synced(); got != (audit.Position{Event: 49}) {
		t.Errorf("synced up to %v", got)
	}
	accept(t, l, 50, 60)
	shut(t, l)
	r := check(t, files(d), out.all()...)
	good(t, r)
	if r.Files < 5 || r.Newer != 0 || r.Exported == nil || r.Exported.Size != r.Size {
		t.Errorf("%+v", r)
	}
	var accepted int
	for i, line := range allLines(t, files(d)) {
		if line.N != int64(i) {
			t.Fatalf("line %d is record %d", i, line.N)
		}
		if line.Action == "event.accept" {
			accepted++
			if line.Seq != uint64(accepted) || !line.Time.Equal(c.Now()) || line.Principal.Subject != "edge" || line.Event.Bytes != 1024 || len(line.Event.Digest) != 64 {
				t.Errorf("%s", line.Raw)
			}
		}
	}
	if accepted != 59 {
		t.Errorf("%d acceptances", accepted)
	}
	again := open(t, o)
	if got := again.Resume(); got != (audit.Position{Event: 59}) {
		t.Errorf("it goes on from %v", got)
	}
	accept(t, again, 60, 70)
	shut(t, again)
	good(t, check(t, files(d), out.all()...))
}
