package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"golang.org/x/time/rate"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
)

// deedHelp is what every deed's help ends with.
const deedHelp = `
What is selected is settled first, then changed in pages, by sequence: an event
that comes meanwhile is none of it. An interrupt ends the command between two
pages; it tells how many are done, and the same command goes on with the rest.`

// deed is an act on many events, done in pages.
type deed struct {
	selection
	verb   admin.Verb
	why    string
	rate   string
	dryRun bool
	json   bool

	perSecond config.PerSecond
}

// deedCommand makes the command of one verb about events.
func (a *app) deedCommand(verb admin.Verb, short string) *cobra.Command {
	d := &deed{verb: verb}
	cmd := &cobra.Command{
		Use:   string(verb) + " (SOURCE ID | --all) --why TEXT",
		Short: short,
		Args:  func(_ *cobra.Command, args []string) error { return d.check(args) },
		RunE: do(func(cmd *cobra.Command, args []string) error {
			router, err := a.router()
			if err != nil {
				return err
			}
			found, err := d.find(cmd.Context(), router, verb, args)
			if err != nil {
				return err
			}
			if d.dryRun {
				return a.rehearse(d, found)
			}
			return a.perform(cmd.Context(), router, d, found.picks)
		}),
	}
	a.selectionFlags(cmd, &d.selection)
	if verb == admin.Cancel {
		cmd.Flags().BoolVar(&d.f.Held, "held", false, "only what is held")
	}
	cmd.Flags().BoolVar(&d.dryRun, "dry-run", false, "only tell how many it would be, and the first ten")
	cmd.Flags().BoolVar(&d.json, "json", false, "print JSON")
	whyFlag(cmd, &d.why)
	if d.paced() {
		cmd.Flags().StringVar(&d.rate, "rate", "", "with --all: so many events per second at most, as in 100/s")
	}
	return cmd
}

// paced tells whether the deed lets events go, which may be too many at once.
func (d *deed) paced() bool { return d.verb == admin.Redrive || d.verb == admin.Release }

func (d *deed) check(args []string) error {
	if err := d.selection.check(args, d.verb != admin.Redrive); err != nil {
		return err
	}
	if d.rate != "" {
		if err := d.perSecond.UnmarshalText([]byte(d.rate)); err != nil || d.perSecond <= 0 {
			return fmt.Errorf(`--rate %q is no rate: write a number above 0 and /s, as in "100/s"`, d.rate)
		}
	}
	switch {
	case d.rate != "" && !d.all:
		return errors.New("--rate is for --all alone")
	case d.why == "" && !d.dryRun:
		return errors.New("say why with --why: it goes into the log")
	}
	return nil
}

// rehearsal is what a dry run prints as JSON.
type rehearsal struct {
	admin.Done
	DryRun bool          `json:"dry_run"`
	First  []admin.Event `json:"first"`
}

// rehearse tells what a deed would change.
func (a *app) rehearse(d *deed, found selected) error {
	if d.json {
		for i := range found.first {
			found.first[i].Event, found.first[i].Raw = nil, nil // it is not about what stands in them
		}
		return a.printJSON(rehearsal{admin.Done{Changed: len(found.picks)}, true, found.first})
	}
	a.printf("dry run, nothing changed; %s: %s\n", d.verb, count(len(found.picks), "event"))
	if len(found.first) > 0 {
		a.printEvents(found.first)
	}
	if more := len(found.picks) - len(found.first); more > 0 {
		a.printf("and %d more\n", more)
	}
	return nil
}

// perform does a deed and says what came of it.
func (a *app) perform(ctx context.Context, router admin.Router, d *deed, picks []admin.Pick) error {
	done, err := a.inPages(ctx, router, d, picks)
	if err != nil && !d.all {
		return err
	}
	said := a.printDone(d, done)
	switch {
	case err == nil:
		return said
	case ctx.Err() != nil:
		err = errors.New("interrupted")
	}
	return fmt.Errorf("%s: %w after %d of %s: the same command goes on", d.verb, err, done.Changed, count(len(picks), "event"))
}

// inPages does a deed page by page, until ctx ends. A page that was begun is seen
// to its end, so that the count is right.
func (a *app) inPages(ctx context.Context, router admin.Router, d *deed, picks []admin.Pick) (done admin.Done, err error) {
	limit := rate.NewLimiter(rate.Inf, admin.MaxPicks)
	if d.perSecond > 0 {
		limit = rate.NewLimiter(rate.Limit(d.perSecond), d.page())
	}
	progress := a.newProgress(string(d.verb), len(picks))
	defer progress.end()
	for page := range slices.Chunk(picks, d.page()) {
		if err := limit.WaitN(ctx, len(page)); err != nil {
			return done, err
		}
		changed, err := router.Act(context.WithoutCancel(ctx), admin.Act{Verb: d.verb, Events: page, Channel: d.f.Channel, Why: d.why})
		if err != nil {
			return done, err
		}
		done.Changed += changed.Changed
		progress.add(len(page))
	}
	return done, nil
}

// page is how many events go into one act: less than a second's worth.
func (d *deed) page() int {
	if d.perSecond > 0 {
		return max(min(int(d.perSecond), admin.MaxPicks), 1)
	}
	return admin.MaxPicks
}

func (a *app) printDone(d *deed, done admin.Done) error {
	if d.json {
		return a.printJSON(done)
	}
	a.printf("%s: %s\n", d.verb, count(done.Changed, "event"))
	return nil
}

// progress shows on a terminal how far a long deed is.
type progress struct {
	to    io.Writer // nil for nobody who looks
	verb  string
	n, of int
	since time.Time
	shown bool
}

// quick is how long a deed may take without a word.
const quick = time.Second

func (a *app) newProgress(verb string, of int) *progress {
	p := &progress{verb: verb, of: of, since: time.Now()}
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.to = f
	}
	return p
}

func (p *progress) add(n int) {
	p.n += n
	if p.to == nil || time.Since(p.since) < quick {
		return
	}
	p.shown = true
	fmt.Fprintf(p.to, "\r%s: %d of %d", p.verb, p.n, p.of)
}

func (p *progress) end() {
	if p.shown {
		fmt.Fprintln(p.to)
	}
}
