package journal_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"weak"

	"github.com/headgate-io/headgate/core/journal/disk/disktest"
	"github.com/headgate-io/headgate/core/outbox"
)

// handOut hands out exactly n of channel a.
func (r *rig) handOut(n int) []outbox.Item {
	r.Helper()
	items, _, err := r.j.Ready("a", r.o.now, n)
	r.must(err)
	if len(items) != n {
		r.Fatalf("%d were handed out, want %d", len(items), n)
	}
	return items
}

// TestAShelfIsNotOnTheDisk shelves and unshelves: the disk hears nothing of it,
// and a clean restart counts nothing.
func TestAShelfIsNotOnTheDisk(t *testing.T) {
	const n = 100
	r := newRig(t, 1)
	r.use(r.options())
	r.load(n, nil)
	for range 3 {
		items := r.handOut(n)
		r.disk.Fail(func(op disktest.Op) error {
			t.Errorf("the disk is asked to %s %s", op.Kind, op.Name)
			return nil
		})
		r.j.Shelve("a", "p", items[:n/2])
		r.j.Unshelve("a", "p")
		r.j.Shelve("a", "q", items[n/2:])
		r.disk.Fail(nil)
		for _, x := range items {
			if x.Attempt != 1 {
				t.Fatalf("item is %+v", x)
			}
		}
		r.must(r.j.Close())
		r.use(r.options())
	}
	r.must(r.j.Close())
}

// TestWhatIsShelvedIsNotInMemory shelves what was just accepted, and what was
// read: neither stays, and both are there when they are handed out again.
func TestWhatIsShelvedIsNotInMemory(t *testing.T) {
	const n = 50
	r := newRig(t, 1)
	r.use(r.options())
	r.load(n, bytes.Repeat([]byte{'.'}, 1000))
	for range 2 {
		var shelved []weak.Pointer[outbox.Entry]
		func() {
			items := r.handOut(n)
			for _, x := range items {
				shelved = append(shelved, weak.Make(x.Entry))
			}
			r.j.Shelve("a", "p", items)
		}()
		runtime.GC()
		if kept := slices.IndexFunc(shelved, func(p weak.Pointer[outbox.Entry]) bool { return p.Value() != nil }); kept >= 0 {
			t.Errorf("the %d. is in memory", kept)
		}
		r.j.Unshelve("a", "p")
	}
	for i, x := range r.handOut(n) {
		if want := fmt.Sprintf("m%d", i+1); x.Entry.Event.ID != want || x.Attempt != 1 {
			t.Errorf("%+v was handed out, want %s", x, want)
		}
	}
	r.must(r.j.Close())
}

// TestWhatIsShelvedIsCopied lets the segments go that shelved events lie in: by
// a copy when nothing else there is needed, and because one has failed.
func TestWhatIsShelvedIsCopied(t *testing.T) {
	const n = 20
	for name, leave := range map[string]func(r *rig){
		"copied forward": func(r *rig) {
			r.load(3000, bytes.Repeat([]byte{'.'}, 150))
			for r.take("a", 1000, outbox.Done) > 0 {
			}
			r.o.now = r.o.now.Add(2 * keepStatus)
			later := newEntry("later", nil, outbox.Target{Channel: "b"}) // time passes by what is accepted
			later.Accepted = r.o.now
			r.put([]*outbox.Entry{later})
		},
		"failed": func(r *rig) {
			r.disk.Fail((&fault{kind: disktest.Sync, first: 1, times: 1, err: errIO}).strike)
			if got := r.j.Append(r.Context(), newEntry("failing", nil, outbox.Target{Channel: "b"}))[0]; got.Err == nil {
				r.Fatal("a sync that failed is acknowledged")
			}
			r.disk.Fail(nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			r.use(r.options())
			r.load(n, []byte("shelved"))
			r.j.Shelve("a", "p", r.handOut(n))
			leave(r)
			r.tidy()
			if slices.Contains(r.disk.Names(), "00000001.seg") {
				t.Fatalf("the first segment is there: %v", r.disk.Names())
			}
			r.j.Unshelve("a", "p")
			for i, x := range r.handOut(n) {
				if want := fmt.Sprintf("m%d", i+1); x.Entry.Event.ID != want || x.Attempt != 1 {
					t.Errorf("%+v was handed out, want %s", x, want)
				}
			}
			r.must(r.j.Close())
		})
	}
}
