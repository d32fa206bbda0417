package journal

import (
	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/outbox"
)

// group is what one commit writes. Who adds the first of it commits it.
type group struct {
	settles []*settling
	events  []*pending
	raise   []*channel // that have run into what they may hand out
	bytes   int64
	done    chan struct{}
	err     error // of what is not an event's or a settling's own
}

func newGroup() *group { return &group{done: make(chan struct{})} }

func (g *group) empty() bool { return len(g.settles) == 0 && len(g.events) == 0 && len(g.raise) == 0 }

// sentStep is how many sequences a channel may hand out ahead of a record that
// says so. After a crash those up to it are taken for sent once.
const sentStep = 1024

// commit writes and syncs a group, applies what is on disk then, and wakes all
// who wait for it.
func (j *Journal) commit(g *group) {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	j.gather = newGroup()
	failing := j.refusing == outbox.ErrFailing
	j.mu.Unlock()
	if failing {
		j.refuse(g)
	} else {
		j.write(g)
	}
	j.forgetJoining(g)
	close(g.done)
}

// refuse ends a group that must not be written.
func (j *Journal) refuse(g *group) {
	for _, p := range g.events {
		p.err = outbox.ErrFailing
	}
	for _, s := range g.settles {
		s.err = outbox.ErrFailing
	}
	g.err = outbox.ErrFailing
}

// write puts a group into the segment. Settles come first: they make room.
func (j *Journal) write(g *group) {
	drafts := make(map[legKey]*draft)
	for _, s := range g.settles {
		j.writeSettles(s, drafts)
	}
	for _, p := range g.events {
		j.writeEvent(p)
	}
	if err := j.writeSents(g); err != nil {
		g.err = err
	}
	if err := j.flush(); err != nil {
		g.err = err
	}
	for _, s := range g.settles { // one may lean on another's record
		if s.err == nil && j.pen.broken {
			s.err = outbox.ErrFailing
		}
	}
}

func (j *Journal) writeEvent(p *pending) {
	p.seq = j.seq + 1
	putSeq(p.record, p.seq)
	p.at, p.err = j.put(p.record, forEvents)
	if p.err == nil {
		j.seq = p.seq
		j.pen.items = append(j.pen.items, item{event: p})
	}
}

// writeSents records how far channels may hand out, where one has come near
// the end of what it may.
func (j *Journal) writeSents(g *group) error {
	j.mu.Lock()
	var list []*sent
	for _, p := range g.events {
		for i := range p.entry.Targets {
			if c := j.channels[p.entry.Targets[i].Channel]; c.hungry {
				c.cursor = max(c.cursor, p.seq)
			}
		}
	}
	for _, c := range j.channels {
		if c.cursor > 0 && c.cursor+sentStep/2 > c.sent {
			c.hungry = false // until it asks again: nobody may be there to take more
			list = append(list, &sent{c.name, c.cursor + sentStep})
		}
	}
	j.mu.Unlock()
	return j.putSents(list)
}

// forgetJoining gives back what a group's events have reserved.
func (j *Journal) forgetJoining(g *group) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, p := range g.events {
		delete(j.joining, p.id)
		for i := range p.entry.Targets {
			j.channels[p.entry.Targets[i].Channel].reserved -= p.size
		}
	}
}

// apply takes into the index what the pen has written and synced, in the order
// in which it was written. Callers hold mu.
func (j *Journal) apply() {
	for _, x := range j.pen.items {
		switch {
		case x.event != nil:
			j.applyEvent(x.event)
		case x.state != nil:
			j.applyState(x.state)
		case x.move != nil:
			j.applyMove(x.move)
		default:
			j.applySent(x.sent)
		}
	}
}

func (j *Journal) applyEvent(p *pending) {
	seg := j.pen.seg
	n := &p.noted
	n.seq, n.at = p.seq, p.at
	seg.notes.addEvent(n)
	seg.seqs.add(n.seq)
	for i := range n.legs {
		c := j.channels[n.legs[i].channel]
		c.legs.Add(n.leg(i))
		seg.events++
		seg.liveBytes += p.size
		c.signal()
	}
	j.newest.Event = n.seq
	j.recent.add(recentFact{Position: j.newest, at: p.at, entry: p.entry})
	j.ids.Add(p.id, ids.Known{Seq: p.seq, Digest: p.digest, At: n.accepted})
	j.cache.add(p)
}

func (j *Journal) applySent(s *sent) {
	j.pen.seg.notes.addSent(s)
	c := j.channel(s.channel)
	c.sent = max(c.sent, s.seq)
	c.signal()
}
