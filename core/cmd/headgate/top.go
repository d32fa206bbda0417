package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/topology"
)

// minInterval keeps a screen from being all that the router does.
const minInterval = 100 * time.Millisecond

func (a *app) topCommand() *cobra.Command {
	var once, asJSON bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch a running router",
		Long: `top shows doors, acceptance, the outbox and every channel with its consumers, again
and again until it is interrupted. With --json it prints one
document a line, with --once too a document over many.

Of a command channel: OUT is with consumers now, HELD by an operator, DEAD the dead
letters; since the start, LATE was done after its lease had lapsed, LAPSED got no
reply within ack_timeout, LOST was the oldest delivery of a connection that ended.
Of a telemetry channel: RING DROPPED never reached the socket, DROPPED was over a
subscriber's high-water mark, IGNORED are subscriptions beyond a peer's topics. Of a
connection: PEER is its name in [[peers]], HEARD how long ago it last sent
anything, MUTE that it settles nothing, SLOW that deliveries are dropped for it, MAY NOT
SEE that all it subscribes to is beyond its topics in [[peers]].`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if interval < minInterval {
				return fmt.Errorf("--interval %s is too short: %s at least", interval, minInterval)
			}
			return nil
		},
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			router, err := a.router()
			if err != nil {
				return err
			}
			if once {
				return a.topOnce(cmd.Context(), router, asJSON)
			}
			return a.topLive(cmd.Context(), router, asJSON, interval)
		}),
	}
	cmd.Flags().BoolVar(&once, "once", false, "print once and end")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "time between two looks")
	return cmd
}

func (a *app) topOnce(ctx context.Context, router admin.Router, asJSON bool) error {
	now, err := router.Top(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(now)
	}
	return screen{top: &now, at: time.Now()}.print(a.out)
}

// topLive prints until ctx ends, which is how it is meant to end.
func (a *app) topLive(ctx context.Context, router admin.Router, asJSON bool, interval time.Duration) error {
	f, isFile := a.out.(*os.File)
	clear := isFile && term.IsTerminal(int(f.Fd()))
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var last screen
	for {
		top, err := router.Top(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		now := screen{top: &top, at: time.Now(), before: last.top, beforeAt: last.at}
		switch {
		case asJSON:
			err = json.NewEncoder(a.out).Encode(top)
		case clear:
			err = now.redraw(a.out)
		default:
			err = now.print(a.out)
		}
		if err != nil {
			return err
		}
		last = now
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// screen is one look at a router, and the one before for the rates.
type screen struct {
	top      *admin.Top
	at       time.Time
	before   *admin.Top // nil for none
	beforeAt time.Time
}

// The ECMA-48 sequences of a redraw without flicker: to the top left, clear to
// the end of a line, clear what is left below.
const (
	home      = "\x1b[H"
	clearLine = "\x1b[K\n"
	clearRest = "\x1b[J"
)

func (s screen) redraw(w io.Writer) error {
	var text bytes.Buffer
	if err := s.print(&text); err != nil {
		return err
	}
	drawn := home + string(bytes.ReplaceAll(text.Bytes(), []byte("\n"), []byte(clearLine))) + clearRest
	_, err := io.WriteString(w, drawn)
	return err
}

func (s screen) print(w io.Writer) error {
	var b bytes.Buffer
	s.general(&b)
	s.commands(&b)
	s.telemetry(&b)
	s.refusals(&b)
	s.mute(&b)
	_, err := b.WriteTo(w)
	return err
}

func (s screen) general(b *bytes.Buffer) {
	t := s.top
	mode := ""
	if t.Dev {
		mode = ", DEV"
	}
	fmt.Fprintf(b, "headgate %s, up %s%s\n\n", printable(t.Version), s.at.Sub(t.Started).Truncate(time.Second), mode)
	doors := newTable(b, "INGRESS", "ADDRESS")
	for _, d := range t.Doors {
		doors.row(d.Name, d.Address)
	}
	doors.end()
	for _, d := range t.Doors {
		s.producers(b, d)
	}
	past := t
	if s.before != nil {
		past = s.before
	}
	fmt.Fprintf(b, "\nintake    %s accepted, %s duplicate, %s refused\n",
		s.counted(t.Intake.Accepted, past.Intake.Accepted), s.counted(t.Intake.Duplicate, past.Intake.Duplicate), s.counted(t.Intake.Refused, past.Intake.Refused))
	durable := "in memory alone"
	if t.Outbox.Durable {
		durable = "durable"
	}
	fmt.Fprintf(b, "outbox    %s (%s): %s, %s of %s, %s remembered\n", t.Outbox.Engine, durable,
		count(t.Outbox.Entries, "event"), bytesOf(t.Outbox.Bytes), bytesOf(t.Outbox.Capacity), count(t.Outbox.IDs, "id"))
	s.disk(b)
	fmt.Fprintf(b, "replies   %s taken, %s bad, at %s\n", s.counted(t.Replies.Taken, past.Replies.Taken), s.counted(t.Replies.Bad, past.Replies.Bad), t.Replies.Address)
}

// disk shows what a store on disk takes of it.
func (s screen) disk(b *bytes.Buffer) {
	d := s.top.Outbox.Disk
	if d == nil {
		return
	}
	fmt.Fprintf(b, "disk      %s in %s, %s free, %s of it reserved", bytesOf(d.Bytes), count(d.Segments, "segment"), bytesOf(d.Free), bytesOf(d.Reserve))
	if d.Damaged > 0 {
		fmt.Fprintf(b, ", %s DAMAGED", count(d.Damaged, "record"))
	}
	if d.Refusing != "" {
		fmt.Fprintf(b, ", REFUSING: %s", printable(d.Refusing))
	}
	b.WriteByte('\n')
}

// counted gives a count with its rate since the look before.
func (s screen) counted(now, past uint64) string {
	if s.before == nil || now < past || !s.at.After(s.beforeAt) { // the first look, or another router
		return fmt.Sprint(now)
	}
	return fmt.Sprintf("%d (%.0f/s)", now, float64(now-past)/s.at.Sub(s.beforeAt).Seconds())
}

func (s screen) commands(b *bytes.Buffer) {
	if len(s.top.Commands) == 0 {
		return
	}
	b.WriteByte('\n')
	t := newTable(b, "COMMAND", "STATE", "PENDING", "OUT", "HELD", "DEAD", "SENT", "DONE", "LATE", "RETRIED", "LAPSED", "LOST", "ADDRESS")
	for _, c := range s.top.Commands {
		n := c.Counts
		t.row(c.Name, channelState(c), c.Pending, c.Out, c.Held, c.Dead, n.Sent, n.Done, n.Late, n.Retried, n.Lapsed, n.Lost, c.Address)
	}
	t.end()
	for _, c := range s.top.Commands {
		if len(c.Conns) == 0 {
			fmt.Fprintf(b, "\n%s: no consumer is connected\n", c.Name)
			continue
		}
		b.WriteByte('\n')
		links := make(map[uint64]topology.Connection)
		for _, l := range c.Socket.Connections {
			links[l.ID] = l
		}
		t := newTable(b, "CONSUMER OF "+c.Name, "PEER", "SECURITY", "SINCE", "HEARD", "WINDOW", "HELD", "QUEUED", "SENT", "SETTLED", "STATE")
		for _, p := range c.Conns {
			note := "ok"
			if p.Mute {
				note = "MUTE"
			}
			l := links[p.ID]
			t.row(p.Addr, l.Peer, l.Mechanism, p.Since, s.ago(l.Heard), p.Window, p.Held, l.Queued, p.Sent, p.Settled, note)
		}
		t.end()
	}
}

func channelState(c admin.Command) string {
	state := "open"
	switch {
	case c.Paused:
		state = "paused"
	case c.Brake > 0:
		state = fmt.Sprintf("slow: %d at once", c.Brake)
	}
	for _, chain := range c.Chains {
		if chain.Away {
			state += fmt.Sprintf("; %d wait for %s", chain.Shelved, strings.Join(chain.Transforms, ", "))
		}
	}
	return state
}

func (s screen) telemetry(b *bytes.Buffer) {
	if len(s.top.Telemetry) == 0 {
		return
	}
	b.WriteByte('\n')
	t := newTable(b, "TELEMETRY", "SUBSCRIBERS", "PUBLISHED", "RING DROPPED", "SENT", "DROPPED", "QUEUED", "ADDRESS")
	for _, c := range s.top.Telemetry {
		t.row(c.Name, c.Subscribers, c.Published, c.RingDropped, c.Sent, c.Dropped, c.Queued, c.Address)
	}
	t.end()
	for _, c := range s.top.Telemetry {
		s.subscribers(b, c)
	}
}

// ago is how long ago something was, empty for never.
func (s screen) ago(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return max(s.at.Sub(at), 0).Truncate(100 * time.Millisecond).String()
}

// producers shows who sends to a ZeroMQ ingress.
func (s screen) producers(b *bytes.Buffer, d admin.Door) {
	if d.ZMQ == nil || d.Socket == nil {
		return
	}
	fmt.Fprintf(b, "\n%s: %s, %s, %d without an answer\n", printable(d.Name), count(int(d.ZMQ.Requests), "request"), count(int(d.ZMQ.Answers), "answer"), d.ZMQ.Dropped)
	if len(d.Socket.Connections) == 0 {
		return
	}
	t := newTable(b, "PRODUCER AT "+d.Name, "PEER", "SECURITY", "SINCE", "HEARD", "REQUESTS", "QUEUED", "ANSWERS")
	for _, l := range d.Socket.Connections {
		t.row(l.Addr, l.Peer, l.Mechanism, l.Since.UTC().Format(time.RFC3339), s.ago(l.Heard), l.Received, l.Queued, l.Sent)
	}
	t.end()
}

// subscribers shows who listens to a telemetry channel.
func (s screen) subscribers(b *bytes.Buffer, c admin.Telemetry) {
	if len(c.Socket.Connections) == 0 {
		return
	}
	b.WriteByte('\n')
	t := newTable(b, "SUBSCRIBER OF "+c.Name, "PEER", "SECURITY", "SINCE", "HEARD", "TOPICS", "IGNORED", "QUEUED", "SENT", "DROPPED", "STATE")
	for _, l := range c.Socket.Connections {
		note := "ok"
		switch {
		case l.Slow:
			note = "SLOW"
		case l.Topics == 0 && l.Ignored > 0:
			note = "MAY NOT SEE"
		}
		t.row(l.Addr, l.Peer, l.Mechanism, l.Since.UTC().Format(time.RFC3339), s.ago(l.Heard), l.Topics, l.Ignored, l.Queued, l.Sent, l.Dropped, note)
	}
	t.end()
}

// refusals tells why connections were refused or cut, and where.
func (s screen) refusals(b *bytes.Buffer) {
	t := newTable(b)
	note := func(what string, socket admin.Socket) {
		for _, reason := range slices.Sorted(maps.Keys(socket.Reasons)) {
			t.row(what, count(int(socket.Reasons[reason]), "connection"), reason)
		}
	}
	for _, c := range s.top.Commands {
		note("refused or cut at "+c.Name, c.Socket)
	}
	for _, c := range s.top.Telemetry {
		note("refused or cut at "+c.Name, c.Socket)
	}
	note("refused or cut at replies", s.top.Replies.Socket)
	for _, d := range s.top.Doors {
		if d.Socket != nil {
			note("refused or cut at "+d.Name, *d.Socket)
		}
	}
	t.end()
}

// mute tells of every consumer that never replies what it should have sent.
func (s screen) mute(b *bytes.Buffer) {
	for _, c := range s.top.Commands {
		for _, p := range c.Conns {
			if !p.Mute {
				continue
			}
			fmt.Fprintf(b, "\nMUTE: %s took %s from %s and settled none in time. After each it should PUSH one frame to %s:\n"+
				`  {"id":"<id of the header>","source":"<source of the header>","lease":"<lease of the header>","status":"done"}`+"\n",
				printable(p.Addr), count(p.Sent, "delivery"), c.Name, s.top.Replies.Told)
		}
	}
}
