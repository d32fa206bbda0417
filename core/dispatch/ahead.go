package dispatch

import (
	"maps"
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// lookahead is how many entries may be at transforms, or wait transformed, beyond
// those that there is credit for. A new consumer's credit is one: with it alone
// every batch would be.
const lookahead = 64

// maxWaiting is how many bytes of events may wait for credit before nothing more
// is taken in hand. What is at transforms then may still come on top.
const maxWaiting = 16 << 20

// Shelving is items of a chain that lie on a shelf of the outbox until it is named.
type Shelving struct {
	Shelf string
	Items []outbox.Item
}

// chain gives what a chain has in hand.
func (m *Machine) chain(transforms []string) *share {
	name := chainName(transforms)
	c := m.byName[name]
	if c == nil {
		c = &share{name: name, names: transforms}
		m.byName[name] = c
		m.chains = append(m.chains, c)
	}
	return c
}

// prune forgets chains that nothing has come for in a long time.
func (m *Machine) prune(now time.Time) {
	m.chains = slices.DeleteFunc(m.chains, func(c *share) bool {
		if !c.rests(now) {
			return false
		}
		delete(m.byName, c.name)
		return true
	})
}

// ahead is how many entries are in hand, and not out.
func (m *Machine) ahead() int { return len(m.at) + len(m.waiting) }

// full tells whether as much waits for credit as may.
func (m *Machine) full() bool {
	bytes := 0
	for _, p := range m.waiting {
		bytes += len(p.Event.Raw)
	}
	return bytes >= maxWaiting
}

// Advance sends what waited transformed for credit, gives back what there is no
// hope for, and lets entries off their shelves. It comes before Room and Offer.
func (m *Machine) Advance(now time.Time) {
	free := m.free()
	for len(m.waiting) > 0 && free > 0 {
		p := m.waiting[0]
		m.waiting = slices.Delete(m.waiting, 0, 1)
		if m.expired(now, p.Item) {
			m.expire(now, p.Item)
			continue
		}
		m.send(now, p.Item, p)
		free--
	}
	if m.paused {
		m.giveUpWaiting(now, 0)
		return
	}
	m.giveUpWaiting(now, lookahead)
	for _, c := range m.chains {
		m.refill(c, free)
		switch {
		case c.first == c.next && c.coming == 0:
			c.ease(now)
		case c.awaited() && now.Sub(c.busy) >= busyTime:
			c.slow = true
		}
	}
}

// aside is whether there is a chain to be waited for, and how many entries are
// on their way back from shelves.
func (m *Machine) aside() (awaited bool, coming int) {
	for _, c := range m.chains {
		awaited = awaited || c.awaited()
		coming += c.coming
	}
	return awaited, coming
}

func (m *Machine) giveUpWaiting(now time.Time, most int) {
	for len(m.waiting) > most {
		last := len(m.waiting) - 1
		m.unsent(now, m.waiting[last].Item)
		m.waiting[last] = nil
		m.waiting = m.waiting[:last]
	}
}

// refill lets as many shelves go as the chain soon has room for: begin takes one
// at least, or it would go on for ever.
func (m *Machine) refill(c *share, free int) {
	for !c.away && c.first < c.next && 2*(c.at+c.coming) < free+lookahead-len(m.at)-c.coming-1 {
		m.unshelve(c)
	}
}

// unshelve lets a chain's first shelf go.
func (m *Machine) unshelve(c *share) {
	m.out.Unshelve = append(m.out.Unshelve, c.shelf(c.first))
	n := shelfSize
	if c.first++; c.first == c.next {
		n, c.last = c.last, 0
	}
	c.coming += n
}

// begin lets an item go to its transforms, if its chain takes it now.
func (m *Machine) begin(now time.Time, i outbox.Item, free int) (begun bool) {
	if m.byName[chainName(i.Target.Transforms)] == nil {
		m.prune(now)
	}
	c := m.chain(i.Target.Transforms)
	c.coming, c.came, c.used = max(c.coming-1, 0), true, now
	if c.away || c.at >= free+lookahead-len(m.at)-1 {
		m.shelve(c, i)
		if !c.away {
			c.strain(now)
		}
		return false
	}
	p := newPassage(i)
	m.at[i.Seq] = p
	c.at++
	m.out.Begun = append(m.out.Begun, p)
	return true
}

func (m *Machine) shelve(c *share, i outbox.Item) {
	if c.first == c.next || c.last == shelfSize {
		c.next++
		c.last = 0
	}
	c.last++
	shelf := c.shelf(c.next - 1)
	if n := len(m.out.Shelve); n > 0 && m.out.Shelve[n-1].Shelf == shelf {
		m.out.Shelve[n-1].Items = append(m.out.Shelve[n-1].Items, i)
		return
	}
	m.out.Shelve = append(m.out.Shelve, Shelving{shelf, []outbox.Item{i}})
}

// Wanted tells of a passage that is about to be given to its transforms whether
// it still has to be.
func (m *Machine) Wanted(now time.Time, p *Passage) bool {
	if m.at[p.Item.Seq] != p {
		return false
	}
	if m.expired(now, p.Item) {
		m.arrive(p)
		m.expire(now, p.Item)
		return false
	}
	return true
}

// arrive ends a passage. It reports false for one that is of no interest any
// more: an earlier hand-over was done.
func (m *Machine) arrive(p *Passage) bool {
	if m.at[p.Item.Seq] != p {
		return false
	}
	delete(m.at, p.Item.Seq)
	m.chain(p.Item.Target.Transforms).at--
	return true
}

// Transformed takes a passage back from its transforms, with the outcome of the
// last one it came to.
func (m *Machine) Transformed(now time.Time, p *Passage, o sdk.Outcome) {
	if !m.arrive(p) {
		return
	}
	switch {
	case o.Verdict == sdk.Drop:
		m.settle(p.Item, outbox.Outcome{Action: outbox.Dropped, Unsent: true, Failures: p.Item.Failures, At: now, What: "dropped", Reason: o.Reason})
		m.counts.Dropped++
	case o.Verdict == sdk.Fail && o.Retry:
		again := outbox.Outcome{Unsent: true, What: "transform", Reason: o.Reason}
		if o.After > 0 {
			again.Due = now.Add(min(o.After, delivery.MaxRetryAfter))
		}
		m.again(now, p.Item, again)
	case o.Verdict == sdk.Fail:
		m.settle(p.Item, outbox.Outcome{Action: outbox.Dead, Unsent: true, Failures: p.Item.Failures, At: now, What: "transform", Reason: o.Reason})
		m.counts.Dead++
	default:
		m.waiting = append(m.waiting, p)
		m.counts.Transformed++
	}
}

// Away notes that a chain cannot be gone through now. Those stuck on it wait on
// its shelves, as does all that comes for it, until Back.
func (m *Machine) Away(transforms []string, stuck []*Passage) {
	c := m.chain(transforms)
	c.away = true
	for _, p := range stuck {
		if m.arrive(p) {
			m.shelve(c, p.Item)
		}
	}
}

// Back notes that a chain can be gone through again.
func (m *Machine) Back(transforms []string) { m.chain(transforms).away = false }

// Recall gives back all that is in hand and not out, and lets go all shelves:
// nothing of it is known to who comes next.
func (m *Machine) Recall(now time.Time) {
	m.giveUpWaiting(now, 0)
	for _, seq := range slices.Sorted(maps.Keys(m.at)) {
		p := m.at[seq]
		m.arrive(p)
		m.unsent(now, p.Item)
	}
	for _, c := range m.chains {
		for c.first < c.next {
			m.unshelve(c)
		}
	}
}

// Forget drops what is in hand and not out of an entry that has ended otherwise.
func (m *Machine) Forget(seq uint64) {
	if p := m.at[seq]; p != nil {
		m.arrive(p)
	}
	m.waiting = slices.DeleteFunc(m.waiting, func(p *Passage) bool { return p.Item.Seq == seq })
}

// stuck is how many entries lie on shelves of chains that are away.
func (m *Machine) stuck() int {
	n := 0
	for _, c := range m.chains {
		if c.away {
			n += c.shelved()
		}
	}
	return n
}

func (m *Machine) chainFacts() []ChainFacts {
	var facts []ChainFacts
	for _, c := range m.chains {
		facts = append(facts, ChainFacts{Transforms: c.names, Away: c.away, At: c.at, Shelved: c.shelved()})
	}
	return facts
}
