package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestActsMeanTheVeryEvents: one that has changed since it was picked is passed
// over, and one that was named is not.
func TestActsMeanTheVeryEvents(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.send("one", "two")
	one, two := r.event("one"), r.event("two")
	act := func(verb admin.Verb, picks ...admin.Pick) (int, error) {
		done, err := r.router.Act(context.Background(), admin.Act{Verb: verb, Events: picks, Why: "test"})
		return done.Changed, err
	}
	pick := func(e admin.Event, seq uint64) admin.Pick {
		return admin.Pick{Key: outbox.Key{Source: e.Source, ID: e.ID}, Seq: seq}
	}
	for _, c := range []struct {
		name  string
		verb  admin.Verb
		picks []admin.Pick
		want  int
		err   error
	}{
		{"another sequence", admin.Hold, []admin.Pick{pick(one, one.Seq+7)}, 0, nil},
		{"both", admin.Hold, []admin.Pick{pick(one, one.Seq), pick(two, two.Seq)}, 2, nil},
		{"held already", admin.Hold, []admin.Pick{pick(one, one.Seq), pick(two, two.Seq)}, 0, nil},
		{"held already, by name", admin.Hold, []admin.Pick{pick(one, 0)}, 0, admin.ErrBad},
		{"nobody", admin.Hold, []admin.Pick{pick(admin.Event{ID: "none", Source: "/x"}, 3)}, 0, nil},
		{"nobody, by name", admin.Hold, []admin.Pick{pick(admin.Event{ID: "none", Source: "/x"}, 0)}, 0, admin.ErrNotFound},
		{"one is left", admin.Release, []admin.Pick{pick(admin.Event{ID: "none", Source: "/x"}, 3), pick(two, two.Seq)}, 1, nil},
		{"no dead letter", admin.Redrive, []admin.Pick{pick(one, one.Seq)}, 0, nil},
		{"no event", admin.Hold, nil, 0, admin.ErrBad},
		{"too many", admin.Hold, make([]admin.Pick, admin.MaxPicks+1), 0, admin.ErrBad},
		{"no verb", "praise", []admin.Pick{pick(one, 0)}, 0, admin.ErrBad},
	} {
		if got, err := act(c.verb, c.picks...); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %d, %v, want %d, %v", c.name, got, err, c.want, c.err)
		}
	}
	if c := r.event("one").Channels[0]; !c.Held || c.State != outbox.StatePending {
		t.Errorf("one is %+v", c)
	}
}

// TestManyAreDoneInPages: more than one act bears.
func TestManyAreDoneInPages(t *testing.T) {
	page := admin.MaxPicks
	var pages []int
	router := &pagesOnly{act: func(a admin.Act) int {
		pages = append(pages, len(a.Events))
		return len(a.Events)
	}}
	d := &deed{verb: admin.Hold}
	a := &app{streams: streams{out: new(tail), err: new(tail)}}
	done, err := a.inPages(context.Background(), router, d, make([]admin.Pick, 2*page+1))
	if err != nil || done.Changed != 2*page+1 || len(pages) != 3 || pages[0] != page || pages[2] != 1 {
		t.Errorf("%+v, %v, pages of %v", done, err, pages)
	}
	// An interrupt ends it between two pages.
	ctx, cancel := context.WithCancel(context.Background())
	router.act = func(admin.Act) int { cancel(); return page }
	if done, err := a.inPages(ctx, router, d, make([]admin.Pick, 2*page)); !errors.Is(err, context.Canceled) || done.Changed != page {
		t.Errorf("interrupted: %+v, %v", done, err)
	}
}

func TestProgressIsToldOnceItTakesLong(t *testing.T) {
	out := new(tail)
	p := &progress{to: out, verb: "hold", of: 30, since: time.Now()}
	p.add(10)
	p.end()
	if out.String() != "" {
		t.Errorf("a quick one tells %q", out)
	}
	p.since = time.Now().Add(-quick)
	p.add(10)
	p.add(10)
	p.end()
	if want := "\rhold: 20 of 30\rhold: 30 of 30\n"; out.String() != want {
		t.Errorf("tells %q, want %q", out, want)
	}
}

// pagesOnly is a router that takes acts.
type pagesOnly struct {
	admin.Router
	act func(admin.Act) int
}

func (p *pagesOnly) Act(ctx context.Context, a admin.Act) (admin.Done, error) {
	if ctx.Err() != nil {
		return admin.Done{}, ctx.Err()
	}
	return admin.Done{Changed: p.act(a)}, nil
}
