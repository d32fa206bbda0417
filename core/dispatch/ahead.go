package dispatch

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

const (
	// lookahead is how many entries may be at transforms, or wait transformed,
	// beyond those that there is credit for. A new consumer's credit is one: with
	// it alone every batch would be.
	lookahead = 64

	// shelfSize is how many entries of a busy chain lie on one shelf: about as
	// many as it takes back at a time, however many wait.
	shelfSize = 32
)

// share is what a chain of transforms has in hand.
//
// A chain may have as much at its transforms as it leaves to others: half of
// what there is for one chain, a third each for two. What it cannot take lies on
// its shelves, so that a slow chain, or one that is away, stalls nobody.
type share struct {
	names  []string
	name   string
	away   bool
	at     int  // entries at its transforms
	coming int  // entries let off their shelves, and not handed out yet
	came   bool // some were handed out by the last Offer

	first, next int // its shelves: full ones, but for the last
	last        int // entries on the last one
}

// Shelving is items of a chain that lie on a shelf of the outbox until it is named.
type Shelving struct {
	Shelf string
	Items []outbox.Item
}

func (c *share) shelf(n int) string { return c.name + "#" + strconv.Itoa(n) }

// shelved is how many entries were put on the shelves there are.
func (c *share) shelved() int {
	if c.first == c.next {
		return 0
	}
	return (c.next-c.first-1)*shelfSize + c.last
}

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

// ahead is how many entries are in hand, and not out.
func (m *Machine) ahead() int { return len(m.at) + len(m.waiting) }

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
	}
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

func (m *Machine) unshelve(c *share) {
	m.out.Unshelve = append(m.out.Unshelve, c.shelf(c.first))
	n := shelfSize
	if c.first++; c.first == c.next {
		n, c.last = c.last, 0
	}
	c.coming += n
}

// begin lets an item go to its transforms, if its chain takes it now.
func (m *Machine) begin(i outbox.Item, free int) (begun bool) {
	c := m.chain(i.Target.Transforms)
	c.coming, c.came = max(c.coming-1, 0), true
	// While others wait for credit nobody is kept from anything by a chain.
	if c.away || len(m.waiting) == 0 && c.at >= free+lookahead-len(m.at)-1 {
		m.shelve(c, i)
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

// ChainFacts describe a chain of transforms that entries of a channel go through.
type ChainFacts struct {
	Transforms []string `json:"transforms"`
	Away       bool     `json:"away"`    // it cannot be gone through now
	At         int      `json:"at"`      // entries at its transforms
	Shelved    int      `json:"shelved"` // entries that wait for it in the outbox
}

func (m *Machine) chainFacts() []ChainFacts {
	var facts []ChainFacts
	for _, c := range m.chains {
		facts = append(facts, ChainFacts{Transforms: c.names, Away: c.away, At: c.at, Shelved: c.shelved()})
	}
	return facts
}
