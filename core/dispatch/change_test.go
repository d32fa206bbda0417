package dispatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestChangedSettingsCount: what goes out from now on has the new ones, and what
// is out is judged by them.
func TestChangedSettingsCount(t *testing.T) {
	r := newRig(t, func(s *dispatch.Settings) { s.MaxAttempts = 100 })
	r.accept(1)
	r.ch.Joined(1, "", "a")
	_, d := r.next()
	if d.Header.Reply != "tcp://127.0.0.1:1" || d.Original != nil {
		t.Fatalf("got %+v, original %q", d.Header, d.Original)
	}
	now := settings()
	now.Name, now.MaxAttempts, now.KeepOriginal = "another", 1, true
	r.ch.Change(now, "tcp://127.0.0.1:2")
	r.reply(d.Header, `"status":"failed"`)
	r.await("1", outbox.StateFailed)
	r.accept(1)
	_, d = r.next()
	if d.Header.Reply != "tcp://127.0.0.1:2" || d.Original == nil || d.Header.Channel != "c" {
		t.Errorf("got %+v, original %q", d.Header, d.Original)
	}
}

// TestSmallerPrefetchTakesNothingBack: what is out stays, and no more goes out
// than the new one allows.
func TestSmallerPrefetchTakesNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.accept(20)
		r.ch.Joined(1, "", "a")
		for range 3 { // the window is 8 then
			_, d := r.next()
			r.reply(d.Header, `"status":"done"`)
			synctest.Wait()
		}
		out := r.ch.Facts().Out
		now := settings()
		now.Prefetch = 2
		r.ch.Change(now, "")
		synctest.Wait()
		if out <= 2 || r.ch.Facts().Out != out {
			t.Fatalf("%d are out, %d before", r.ch.Facts().Out, out)
		}
		for range out {
			_, d := r.next()
			r.reply(d.Header, `"status":"done"`)
			synctest.Wait()
		}
		if out := r.ch.Facts().Out; out != 2 {
			t.Errorf("%d are out, want 2", out)
		}
	})
}

// TestATransformThatComesBackGoesOn: what waits for a name that nobody knows goes
// on when somebody does, and waits again when nobody does.
func TestATransformThatComesBackGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := dispatch.NewTransforms(nil)
		r := newRig(t, nil, func(o *dispatch.Options) { o.Transforms = known })
		r.ch.Joined(1, "", "x")
		for _, version := range []string{"a", "b"} {
			r.accept(1, "w")
			r.until("it is shelved", func() bool { return r.store.Stats().Channels["c"].Shelved == 1 })
			time.Sleep(time.Hour)
			if r.ch.Facts().Out != 0 {
				t.Fatal("it left untransformed")
			}
			known.Set(map[string]dispatch.Transform{"w": wrap(version)})
			_, d := r.next()
			if want := `{"` + version + `":`; string(d.Event.Data[:5]) != want {
				t.Errorf("the data is %s, want %s", d.Event.Data, want)
			}
			r.reply(d.Header, `"status":"done"`)
			known.Set(nil)
		}
	})
}

// TestReplacedChannelsAreAsked: a reply is for the channels of now.
func TestReplacedChannelsAreAsked(t *testing.T) {
	r := newRig(t, nil)
	r.accept(2)
	r.ch.Joined(1, "", "a")
	_, d := r.next()
	r.desk.Use(nil)
	r.reply(d.Header, `"status":"done"`)
	if _, bad := r.desk.Counts(); bad != 1 {
		t.Errorf("%d bad replies, want 1", bad)
	}
	r.desk.Use(map[string]*dispatch.Channel{"c": r.ch})
	r.reply(d.Header, `"status":"done"`)
	r.await("1", outbox.StateDone)
}
