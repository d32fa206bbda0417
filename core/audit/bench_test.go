package audit_test

import (
	"testing"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk"
	"golang.org/x/mod/sumdb/tlog"
)

// BenchmarkEncode is one acceptance: its line, and its hash.
func BenchmarkEncode(b *testing.B) {
	r, prev, buf := acceptance(7), tlog.Hash{}, make([]byte, 0, 4096)
	e, now := audit.NewEncoder("01J0BOOT"), newClock().Now()
	b.ReportAllocs()
	for b.Loop() {
		buf = e.Line(append(buf[:0], 0), 1234567, &prev, now, &r)
		prev = audit.LeafIn(buf)
	}
	b.ReportMetric(float64(len(buf)), "bytes/line")
}

// BenchmarkAppend is one acceptance of a batch of 64 in the file, in the tree.
func BenchmarkAppend(b *testing.B) {
	d, err := disk.Open(b.TempDir())
	must(b, err)
	o := options(nil, newClock())
	o.FS = d
	l := open(b, o)
	defer shut(b, l)
	batch := make([]audit.Record, 64)
	for i := range batch {
		batch[i] = acceptance(i + 1)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%len(batch) == 0 {
			must(b, l.Append(audit.Position{Event: uint64(n)}, batch))
		}
	}
}

// BenchmarkRefuse is one refusal of a flood.
func BenchmarkRefuse(b *testing.B) {
	d, err := disk.Open(b.TempDir())
	must(b, err)
	o := options(nil, newClock())
	o.FS = d
	l := open(b, o)
	defer shut(b, l)
	r := acceptance(1)
	r.Action, r.Reason = "auth.deny", "bad_signature"
	b.ReportAllocs()
	for b.Loop() {
		l.Refuse(r)
	}
}
