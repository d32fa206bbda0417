package journal

import (
	"context"
	"fmt"

	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// pending is an entry on its way to the disk.
type pending struct {
	event
	record []byte    // its text; the sequence is put in last
	noted  eventNote // sequence and place come last, too
	digest ids.Digest
	size   int64
	at     index.Place
	group  *group
	err    error
}

// admission is what Append finds out about one entry before it waits.
type admission struct {
	*pending
	known  ids.Known
	found  bool
	fault  error    // of the search
	joined *pending // whose outcome it shares; itself when it is fresh
}

// Append implements outbox.Accepting.
func (j *Journal) Append(ctx context.Context, entries ...*outbox.Entry) []outbox.Appended {
	out := make([]outbox.Appended, len(entries))
	list := make([]admission, len(entries))
	for i, e := range entries {
		j.now(e.Accepted)
		p := &pending{event: event{id: e.Key().Hash(), entry: e}, digest: ids.Digest(e.Digest[:16])}
		if len(e.Targets) > 0 {
			p.record = p.text()
			p.noted = p.note(index.Place{}, int64(recordSize(len(p.record))))
			p.size = index.Size(p.noted.size)
		}
		list[i].pending = p
	}
	lead, err := j.enlist(list, out)
	if err != nil {
		for i := range out {
			out[i] = outbox.Appended{Err: err}
		}
		return out
	}
	if lead != nil {
		j.commit(lead)
	}
	for i := range list {
		if q := list[i].joined; q != nil {
			out[i] = q.outcome(ctx, &list[i])
		}
	}
	return out
}

// outcome waits for what became of p, in which a shares.
func (p *pending) outcome(ctx context.Context, a *admission) outbox.Appended {
	select {
	case <-p.group.done:
	case <-ctx.Done():
		select {
		case <-p.group.done:
		default:
			return outbox.Appended{Err: fmt.Errorf("journal: gave up while it was written: %w", ctx.Err())}
		}
	}
	if p.err != nil {
		return outbox.Appended{Err: p.err}
	}
	out := outbox.Appended{Seq: p.seq, Durable: true}
	switch {
	case p == a.pending:
		out.Verdict = outbox.Stored
	case p.digest == a.digest:
		out.Verdict = outbox.Duplicate
	default:
		out.Verdict = outbox.Conflict
	}
	return out
}

// enlist puts what is fresh into the next group, and answers what needs no
// wait. It gives the group when the caller is to commit it.
func (j *Journal) enlist(list []admission, out []outbox.Appended) (lead *group, _ error) {
	version := j.ids.Version()
	for i := range list {
		a := &list[i]
		a.known, a.found, a.fault = j.ids.Find(a.id)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, outbox.ErrClosed
	}
	for i := range list {
		a := &list[i]
		leads, err := j.admit(a, version, &out[i])
		out[i].Err = err
		if leads {
			lead = j.gather
		}
	}
	return lead, nil
}

// admit decides about one entry, which was looked for among the identities of
// a version. Callers hold mu.
func (j *Journal) admit(a *admission, version uint64, out *outbox.Appended) (leads bool, err error) {
	if a.fault != nil {
		return false, fmt.Errorf("journal: identities: %w", a.fault)
	}
	if q := j.joining[a.id]; q != nil {
		a.joined = q
		return false, nil
	}
	if known, ok := j.ids.FindNewest(a.id); ok {
		a.known, a.found = known, true
	} else if j.ids.Version() != version { // it may have moved to the disk while it was looked for
		if a.known, a.found, err = j.ids.Find(a.id); err != nil {
			return false, fmt.Errorf("journal: identities: %w", err)
		}
	}
	if a.found && j.remembers(a.known) {
		out.Seq, out.Durable, out.Verdict = a.known.Seq, a.known.Seq != 0, outbox.Duplicate
		if a.known.Digest != a.digest {
			out.Verdict = outbox.Conflict
		}
		return false, nil
	}
	if j.ids.Len()+len(j.joining) >= j.o.MaxIDs {
		return false, outbox.ErrIDsFull
	}
	if a.record == nil {
		j.ids.Add(a.id, ids.Known{Digest: a.digest, At: outbox.Nanos(a.entry.Accepted)})
		return false, nil
	}
	if err := j.room(a.pending); err != nil {
		return false, err
	}
	leads = j.gather.empty()
	a.joined, a.group = a.pending, j.gather
	j.gather.events = append(j.gather.events, a.pending)
	j.gather.bytes += int64(len(a.record))
	j.joining[a.id] = a.pending
	for i := range a.entry.Targets {
		j.channels[a.entry.Targets[i].Channel].reserved += a.size
	}
	return leads, nil
}

// remembers reports whether an identity still counts: for as long as it is to
// be remembered, or its event has not ended. Callers hold mu.
func (j *Journal) remembers(k ids.Known) bool {
	return k.At+int64(j.o.Remember) >= j.seen.Load() || k.Seq != 0 && j.lives(k.Seq)
}

// lives reports whether an event has a leg that has not ended. Callers hold mu.
func (j *Journal) lives(seq uint64) bool {
	for _, c := range j.channels {
		if _, ok := c.legs.Find(seq); ok {
			return true
		}
	}
	return false
}

// room checks every bound before anything changes. Callers hold mu.
func (j *Journal) room(p *pending) error {
	if j.refusing != nil {
		return fmt.Errorf("%w: %w", j.refusing, j.cause)
	}
	if j.gather.bytes > maxWaiting {
		return outbox.ErrBusy
	}
	var total int64
	for _, c := range j.channels {
		total += c.legs.Counts().Bytes + c.reserved
	}
	for i := range p.entry.Targets {
		name := p.entry.Targets[i].Channel
		c := j.channels[name]
		if c == nil || c.most == 0 {
			return fmt.Errorf("outbox: no channel %q", name)
		}
		if c.legs.Counts().Bytes+c.reserved+p.size > c.most {
			return fmt.Errorf("%w: %s", outbox.ErrChannelFull, name)
		}
		total += p.size
	}
	if total > j.o.Capacity {
		return outbox.ErrFull
	}
	return nil
}
