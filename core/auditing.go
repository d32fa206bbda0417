package core

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/delivery"
)

const (
	// maxBehind is how many facts the audit log may lack of the store: more, and
	// nothing is accepted until it has caught up. Its own crash would take as long
	// to make good.
	maxBehind = 200_000
	// followPause is the wait before the store is followed again after an error.
	followPause = time.Second
	// tellPause is how often the store is told what may be reclaimed.
	tellPause = time.Second
	// maxLater is how many records wait to be written that nobody waits for; what
	// comes beyond is summed up.
	maxLater = 1024
	// lastFacts is how long the end of a router waits for the last facts.
	lastFacts = 5 * time.Second
)

// auditor writes the audit log of a router: what the store has made durable it
// follows, the rest it is told. A nil one writes none.
type auditor struct {
	log      *audit.Log
	store    outbox.Following
	required bool
	say      zerolog.Logger
	later    chan audit.Record // of what has happened, and waits for nobody
}

var _ admin.Auditor = (*auditor)(nil)

// openAudit opens the log that the configuration wants, nil for none.
func openAudit(cfg *config.Config, dir *datadir.Dir, store outbox.Engine, log zerolog.Logger) (*auditor, error) {
	if !cfg.Audit.On() {
		log.Warn().Msg("there is no audit log: [audit] mode is off")
		return nil, nil
	}
	following, ok := store.(outbox.Following)
	if !ok {
		return nil, fmt.Errorf("audit: the store cannot be followed")
	}
	key, err := auditKey(cfg, dir)
	if err != nil {
		return nil, err
	}
	files, err := disk.Open(datadir.Audit(dir.Path))
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	o := audit.Options{FS: files, Key: key, Origin: origin(cfg, key), Boot: boot(), MaxFile: int64(cfg.Audit.MaxFile), Retain: time.Duration(cfg.Audit.Retain),
		Checkpoint: time.Duration(cfg.Audit.Checkpoint), Reserve: int64(cfg.Journal.Reserve), Log: log}
	for i, name := range cfg.AuditExports() {
		e, err := audit.ParseExport(name, os.Stdout)
		if err != nil {
			return nil, config.Problems{cfg.Problem(fmt.Sprintf("audit.export[%d]", i), err.Error())}
		}
		o.Exports = append(o.Exports, e)
	}
	a := &auditor{later: make(chan audit.Record, maxLater), store: following, required: cfg.Audit.Mode == config.AuditRequired, say: log}
	if a.log, err = audit.Open(o); err != nil {
		return nil, fmt.Errorf("%w: move %s aside and keep it as evidence: a new log begins then", err, datadir.Audit(dir.Path))
	}
	if store, log := following.Position(), position(a.log.Position()); store.Before(log) {
		err := fmt.Errorf("audit log: it tells of more than the journal has: the journal is another one, or an older copy: move %s aside and keep it as evidence: a new log begins then", datadir.Audit(dir.Path))
		return nil, errors.Join(err, a.log.Close())
	}
	if first := position(a.log.Position()); first == (outbox.Position{}) && following.Position() != first {
		log.Warn().Msg("the audit log begins, and the journal has events already: of what ended before there is no record here")
		if err := a.note(audit.Record{Action: "audit.begin", Outcome: audit.Success, Detail: map[string]string{"journal_event": fmt.Sprint(following.Position().Event)}}); err != nil {
			return nil, errors.Join(err, a.log.Close())
		}
	}
	return a, nil
}

func auditKey(cfg *config.Config, dir *datadir.Dir) (ed25519.PrivateKey, error) {
	if cfg.Audit.Key == "" {
		return dir.AuditKey()
	}
	text, err := cfg.ReadAuditKey()
	if err != nil {
		return nil, err
	}
	return datadir.ParseAuditKey(text)
}

// origin names the log: as configured, or by its key, which no other log has.
func origin(cfg *config.Config, key ed25519.PrivateKey) string {
	if cfg.Audit.Origin != "" {
		return cfg.Audit.Origin
	}
	return "headgate/audit/" + delivery.KeyID(key.Public().(ed25519.PublicKey))
}

// boot names this run of a router.
func boot() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}

func position(p audit.Position) outbox.Position { return outbox.Position(p) }

// Run follows the store until ctx ends, and then to its end.
func (a *auditor) Run(ctx context.Context) error {
	ended := make(chan error, 1)
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() { ended <- a.log.Run(working) }()
	var writing sync.WaitGroup
	writing.Go(func() { a.keep(working) })
	defer writing.Wait()
	a.follow(ctx)
	last, cancel := context.WithTimeout(working, lastFacts)
	defer cancel()
	a.finish(last)
	stop()
	return <-ended
}

// Close ends the log.
func (a *auditor) Close() error { return a.log.Close() }

// keep writes what came to later, and tells the store what it may reclaim, until
// ctx ends.
func (a *auditor) keep(ctx context.Context) {
	tick := time.NewTicker(tellPause)
	defer tick.Stop()
	for {
		a.store.Followed(position(a.log.Synced()))
		select {
		case r := <-a.later:
			_ = a.note(r) // it logs
		case <-tick.C:
		case <-ctx.Done():
			for len(a.later) > 0 {
				_ = a.note(<-a.later)
			}
			return
		}
	}
}

// follow has the log told of all that the store makes durable, until ctx ends.
func (a *auditor) follow(ctx context.Context) {
	said := ""
	for ctx.Err() == nil {
		err := a.store.Follow(ctx, position(a.log.Resume()), a.tell)
		if err == nil || errors.Is(err, outbox.ErrClosed) {
			break
		}
		if said != err.Error() {
			said = err.Error()
			a.say.Error().Err(err).Msg("the audit log does not follow the store: trying again")
		}
		select {
		case <-ctx.Done():
		case <-time.After(followPause):
		}
	}
}

var errThere = errors.New("all is told")

// finish tells what came last.
func (a *auditor) finish(ctx context.Context) {
	end := a.store.Position()
	if !position(a.log.Position()).Before(end) {
		return
	}
	err := a.store.Follow(ctx, position(a.log.Resume()), func(facts []outbox.Fact) error {
		if err := a.tell(facts); err != nil {
			return err
		}
		if last := facts[len(facts)-1].Position; !last.Before(end) {
			return errThere
		}
		return nil
	})
	if !errors.Is(err, errThere) {
		a.say.Warn().Err(err).Msg("the audit log ends before the store does: the next start goes on")
	}
}

// tell writes facts.
func (a *auditor) tell(facts []outbox.Fact) error {
	records := make([]audit.Record, len(facts))
	for i := range facts {
		records[i] = recordOf(&facts[i])
	}
	return a.log.Append(audit.Position(facts[len(facts)-1].Position), records)
}

// recordOf is what the log says of a fact.
func recordOf(f *outbox.Fact) audit.Record {
	if f.Outcome != nil {
		return recordOfOutcome(f)
	}
	e := f.Entry
	r := audit.Record{Time: e.Accepted, Action: "event.accept", Outcome: audit.Allow, Request: e.Facts.Request, Principal: e.Principal, Key: e.Facts.Key,
		Ingress: e.Facts.Ingress, Addr: e.Facts.Addr, Routes: e.Facts.Routes, Seq: f.Seq, Pos: audit.Position(f.Position),
		Event: audit.Event{ID: e.Event.ID, Source: e.Event.Source, Type: e.Event.Type, Digest: e.Digest, Bytes: len(e.Event.Raw)}}
	if e.Proof.Event != "" {
		r.Detail = map[string]string{"event_proof": e.Proof.Event}
	}
	return r
}

// actions are the words for what an outcome has done.
var actions = map[outbox.Action]struct{ action, outcome string }{
	outbox.Done:    {"event.done", audit.Success},
	outbox.Dead:    {"event.dead", audit.Failure},
	outbox.Dropped: {"event.dropped", audit.Success},
	outbox.Retry:   {"event.retry", audit.Failure},
	outbox.Redrive: {"event.redriven", audit.Success},
	outbox.Hold:    {"event.held", audit.Success},
	outbox.Release: {"event.released", audit.Success},
	outbox.Lease:   {"event.leased", audit.Success},
}

func recordOfOutcome(f *outbox.Fact) audit.Record {
	o := f.Outcome
	a := actions[o.Action]
	r := audit.Record{Time: o.At, Action: a.action, Outcome: a.outcome, Reason: o.What, Seq: f.Seq, Pos: audit.Position(f.Position), Channel: o.Channel,
		Attempt: o.Attempt, Failures: o.Failures}
	if o.Reason != "" {
		r.Detail = map[string]string{"reason": o.Reason}
	}
	return r
}

// gate tells why nothing may be accepted now.
func (a *auditor) gate() error {
	if !a.required {
		return nil
	}
	switch err := a.log.Err(); {
	case errors.Is(err, audit.ErrFull):
		return fmt.Errorf("%w: %w", outbox.ErrDiskFull, err)
	case err != nil:
		return fmt.Errorf("%w: %w", outbox.ErrFailing, err)
	case a.behind() > maxBehind:
		return fmt.Errorf("%w: the audit log is %d decisions behind", outbox.ErrBusy, a.behind())
	}
	return nil
}

// behind is how many facts of the store the log lacks.
func (a *auditor) behind() uint64 {
	of, at := a.store.Position(), a.log.Position()
	return of.Event - min(at.Event, of.Event) + of.State - min(at.State, of.State)
}

// refused notes a refusal.
func (a *auditor) refused(r *intake.Refused) {
	out := audit.Record{Action: "event.refuse", Outcome: audit.Deny, Reason: reasonOf(r.Problem), Request: r.Submission.RequestID,
		Ingress: r.Submission.Ingress, Addr: r.Submission.Addr}
	if r.Who == nil {
		out.Action, out.Unproven = "auth.deny", true
	} else {
		out.Principal, out.Key = r.Who.Principal, r.Who.KeyID
	}
	if r.Event != nil {
		out.Event = audit.Event{ID: r.Event.ID, Source: r.Event.Source, Type: r.Event.Type, Bytes: len(r.Event.Raw)}
	}
	if refusal, ok := errors.AsType[*trust.Refusal](r.Err); ok && len(refusal.Unverified) > 0 {
		out.Detail = make(map[string]string)
		for _, said := range refusal.Unverified { // bounded, and no secret
			out.Detail["unverified_"+said.Name] = said.Value
		}
	}
	a.log.Refuse(out)
}

// shed counts a request that was refused unread.
func (a *auditor) shed(bound string) {
	a.log.Refuse(audit.Record{Action: "request.shed", Outcome: audit.Deny, Reason: bound})
}

// reasonOf is the stable word for a refusal: what stands behind the code, where
// anything does.
func reasonOf(p *intake.Problem) string {
	if isWord(p.Reason) {
		return p.Reason
	}
	return string(p.Code)
}

// isWord tells a stable reason from a sentence.
func isWord(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }) < 0
}

// taken counts an event that went to telemetry alone: no store has it.
func (a *auditor) taken(t *intake.Taken) {
	e := t.Entry
	if t.Status == intake.Duplicate || len(e.Targets) > 0 {
		return
	}
	for _, route := range e.Facts.Routes {
		a.log.Count(audit.Tally{Principal: e.Principal, Ingress: e.Facts.Ingress, Route: route, Outcome: audit.Success}, 1, uint64(len(e.Event.Raw)))
	}
}

// facts are what operators see of the log.
func (a *auditor) facts() *admin.Audit {
	if a == nil {
		return nil
	}
	st := a.log.Stats()
	out := &admin.Audit{Records: uint64(st.Size), Bytes: st.Bytes, Files: st.Files, Behind: a.behind(), Suppressed: st.Suppressed, Checkpoint: st.Signed,
		Exports: len(st.Exports), Failing: st.Refusing}
	for _, e := range st.Exports {
		if e.At.After(out.Exported) {
			out.Exported = e.At
		}
	}
	return out
}

// Write implements admin.Auditor.
func (a *auditor) Write(ctx context.Context, r admin.Record) error {
	err := a.log.Write(ctx, operation(&r))
	if err != nil && !a.required {
		a.say.Error().Err(err).Msg("an act of an operator is not in the audit log")
		return nil
	}
	return err
}

// Refuse implements admin.Auditor.
func (a *auditor) Refuse(r admin.Record) { a.log.Refuse(operation(&r)) }

func operation(r *admin.Record) audit.Record {
	out := audit.Record{Action: "admin." + strings.ReplaceAll(r.Verb, " ", "_"), Outcome: string(r.Outcome), Reason: r.Reason, Actor: r.Actor, Addr: r.Addr,
		Why: r.Why, Channel: r.Channel, Count: uint64(max(r.Changed, 0)), Detail: maps.Clone(r.Detail)}
	if r.Outcome == admin.Denied {
		out.Action, out.Detail = "admin.deny", map[string]string{"asked": r.Verb}
	}
	if len(r.Events) > 0 {
		first := r.Events[0]
		out.Event, out.Seq = audit.Event{ID: first.ID, Source: first.Source}, first.Seq
		if out.Detail == nil {
			out.Detail = make(map[string]string)
		}
		out.Detail["events"] = fmt.Sprint(len(r.Events))
	}
	return out
}

// note writes records that have happened already, or are about to. A nil auditor
// notes nothing.
func (a *auditor) note(records ...audit.Record) error {
	if a == nil || len(records) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastFacts)
	defer cancel()
	err := a.log.Write(ctx, records...)
	if err != nil {
		a.say.Error().Err(err).Str("action", records[0].Action).Msg("the audit log does not take it")
		if !a.required {
			return nil
		}
	}
	return err
}

// plugin notes what became of a plugin's process.
func (a *auditor) plugin(e supervisor.Event) {
	r := audit.Record{Action: "plugin." + e.What, Outcome: audit.Success, Detail: map[string]string{"name": e.Name, "generation": fmt.Sprint(e.Generation)}}
	if e.Version != "" {
		r.Detail["version"] = e.Version
	}
	if e.SHA256 != "" {
		r.Detail["sha256"] = e.SHA256
	}
	if e.Reason != "" {
		r.Outcome, r.Detail["reason"] = audit.Failure, e.Reason
	}
	if e.What == supervisor.Refused { // a plugin can have very many
		a.log.Refuse(r)
		return
	}
	select {
	case a.later <- r:
	default: // the log is slow: it is counted, at least
		a.log.Refuse(r)
	}
}

// reply notes replies that were refused.
func (a *auditor) reply(from dispatch.Peer, replies int, err error) {
	a.log.Refuse(audit.Record{Action: "reply.refuse", Outcome: audit.Deny, Reason: "bad_reply", Addr: from.Addr, Count: uint64(replies), Unproven: from.Name == "",
		Detail: map[string]string{"why": err.Error()}})
}

// key notes what became of a key.
func keyRecord(action, auth, id, principal, was, now string) audit.Record {
	return audit.Record{Action: "key." + strings.ReplaceAll(action, " ", "_"), Outcome: audit.Success, Key: id, From: was, To: now, Detail: map[string]string{"auth": auth, "principal": principal}}
}

// applied are the records of a configuration that is put in place.
func applied(number int, was, now *config.Config, changes []config.Change, why string) []audit.Record {
	weaker := 0
	var records []audit.Record
	for _, c := range changes {
		r := audit.Record{Action: "config.change", Outcome: audit.Success, Detail: map[string]string{"key": c.Key, "was": c.Was, "now": c.Now}}
		if c.Weakens {
			weaker++
			r.Reason = "weakens"
		}
		records = append(records, r)
	}
	head := audit.Record{Action: "config.apply", Outcome: audit.Success, To: now.Fingerprint(), Why: why, Count: uint64(len(changes)),
		Detail: map[string]string{"generation": fmt.Sprint(number), "weakened": fmt.Sprint(weaker)}}
	if was != nil {
		head.From = was.Fingerprint()
	}
	return slices.Concat([]audit.Record{head}, records)
}
