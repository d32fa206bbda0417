package index_test

import (
	"slices"

	"github.com/headgate-io/headgate/core/journal/index"
)

// model is a channel told the obvious way: lists, looked through from the start.
type model struct {
	legs    []*modelLeg // that have not ended, by sequence
	lines   map[uint64][]*modelLeg
	again   []*modelLeg // in the order in which they came to be queued
	shelves map[string][]*modelLeg
	opened  []*modelLeg // that lay on those that were opened
	next    uint64
	due     bool // it is a due one's turn
}

type modelLeg struct {
	index.Leg
	at     string // "unseen", "line", "queued", "due", "out", "aside", "shelf", "ended"
	redone bool   // it was redriven, and has lost its place
}

func newModel() *model {
	return &model{lines: make(map[uint64][]*modelLeg), shelves: make(map[string][]*modelLeg)}
}

func (m *model) add(l index.Leg) {
	m.legs = append(m.legs, &modelLeg{Leg: l, at: "unseen"})
	slices.SortFunc(m.legs, func(a, b *modelLeg) int { return int(a.Seq) - int(b.Seq) })
}

func (m *model) find(seq uint64) *modelLeg {
	for _, l := range m.legs {
		if l.Seq == seq {
			return l
		}
	}
	return nil
}

func wait(l *modelLeg) int64 { return max(l.Due, l.Until) }

func (m *model) restarted(sent uint64) {
	for _, l := range m.legs {
		if l.Seq <= sent && !l.Dead && !l.Held && l.Until == 0 {
			l.Attempt++
		}
	}
}

func (m *model) resume(now int64) (legs []index.Leg) {
	for _, l := range m.legs {
		if l.Until <= now || l.Dead || l.Held || l.at != "unseen" && l.at != "due" {
			continue
		}
		if l.Lane != 0 && l.at == "unseen" {
			if len(m.lines[l.Lane]) > 0 {
				continue
			}
			m.lines[l.Lane] = []*modelLeg{l}
		}
		l.at, l.Out = "out", true
		legs = append(legs, l.Leg)
	}
	return legs
}

func (m *model) take(now int64, most int, upTo uint64) (t index.Taken) {
	for len(t.Legs) < most {
		l := m.pick(now, upTo, &t)
		if l == nil {
			t.Dry = t.Wall == 0
			break
		}
		l.at, l.Out = "out", true
		l.Attempt++
		l.Due, l.Until = 0, 0
		t.Legs = append(t.Legs, l.Leg)
	}
	if l := m.earliest(); l != nil {
		t.Next = wait(l)
	}
	return t
}

func (m *model) earliest() (first *modelLeg) {
	for _, l := range m.legs {
		if l.at == "due" && (first == nil || wait(l) < wait(first)) {
			first = l
		}
	}
	return first
}

func (m *model) pick(now int64, upTo uint64, t *index.Taken) *modelLeg {
	first := m.earliest()
	isDue := first != nil && wait(first) <= now
	if !isDue || !m.due {
		if l := m.fresh(now, upTo, t); l != nil {
			m.due = true
			return l
		}
	}
	if isDue {
		m.due = false
		return first
	}
	return nil
}

func (m *model) fresh(now int64, upTo uint64, t *index.Taken) *modelLeg {
	for len(m.again) > 0 {
		l := m.again[0]
		m.again = m.again[1:]
		if l.at == "queued" {
			return l
		}
	}
	for len(m.opened) > 0 {
		l := m.opened[0]
		m.opened = m.opened[1:]
		if l.at != "ended" && m.meet(l, now) {
			return l
		}
	}
	for _, l := range m.legs {
		if l.Seq < m.next {
			continue
		}
		if l.Seq > upTo {
			t.Wall = l.Seq
			return nil
		}
		m.next = l.Seq + 1
		if l.at == "unseen" && m.look(l) && m.ready(l, now) {
			return l
		}
	}
	return nil
}

// look gives a leg its place in its lane, and reports whether it is the first.
func (m *model) look(l *modelLeg) bool {
	l.at = "aside"
	line := m.lines[l.Lane]
	if l.Lane == 0 || l.Dead && !l.Park {
		return true
	}
	m.lines[l.Lane] = append(line, l)
	if len(line) > 0 {
		l.at = "line"
	}
	return len(line) == 0
}

// meet gives a leg that was on no way its place again, and reports whether it
// may go at once.
func (m *model) meet(l *modelLeg, now int64) bool {
	if line := m.lines[l.Lane]; l.Lane != 0 && len(line) > 0 && line[0] == l {
		return m.ready(l, now)
	}
	return m.look(l) && m.ready(l, now)
}

// ready reports whether a leg that nobody is before may go at once.
func (m *model) ready(l *modelLeg, now int64) bool {
	l.at = "aside"
	if l.Dead || l.Held {
		return false
	}
	if wait(l) > now {
		l.at = "due"
		return false
	}
	return true
}

func (m *model) proceed(l *modelLeg, now int64) {
	if m.ready(l, now) {
		l.at = "queued"
		m.again = append(m.again, l)
	}
}

// open lets the next of a lane go once its first has left it.
func (m *model) open(l *modelLeg) {
	line := m.lines[l.Lane]
	if l.Lane == 0 || len(line) == 0 || line[0] != l {
		return
	}
	line = line[1:]
	for len(line) > 0 && (line[0].at == "ended" || line[0].Dead && !line[0].Park) {
		if line[0].at != "ended" {
			line[0].at = "aside"
		}
		line = line[1:]
	}
	m.lines[l.Lane] = line
	if len(line) > 0 {
		m.proceed(line[0], 0)
	}
}

func (m *model) end(l *modelLeg) {
	l.at, l.Out = "ended", false
	m.legs = slices.DeleteFunc(m.legs, func(x *modelLeg) bool { return x == l })
	m.open(l)
}

func (m *model) die(l *modelLeg, p index.Past) {
	if l.Dead {
		return
	}
	l.Past, l.Dead, l.Held, l.Out = p, true, false, false
	if l.at == "line" || l.at == "unseen" {
		return
	}
	if l.at != "shelf" {
		l.at = "aside"
	}
	if !l.Park {
		m.open(l)
	}
}

func (m *model) retry(l *modelLeg, p index.Past, now int64) {
	if l.Dead {
		return
	}
	l.Past, l.Out = p, false
	if l.at != "line" && l.at != "unseen" && l.at != "shelf" {
		m.proceed(l, now)
	}
}

func (m *model) redrive(l *modelLeg, p index.Past) {
	if !l.Dead {
		return
	}
	l.Past, l.Dead = p, false
	if l.at != "aside" {
		l.redone = l.redone || l.at == "unseen" || l.at == "shelf" && !l.Park // one that was resumed may be before it
		return
	}
	if line := m.lines[l.Lane]; l.Lane != 0 && len(line) > 0 && line[0] == l {
		m.proceed(l, 0)
		return
	}
	l.redone = true
	if m.look(l) {
		m.proceed(l, 0)
	}
}

func (m *model) hold(l *modelLeg, p index.Past) {
	if l.Dead || l.Held {
		return
	}
	if l.Out {
		p.Attempt, p.Due = max(p.Attempt, l.Attempt), 0
	}
	l.Past, l.Held = p, true
	if l.at == "queued" || l.at == "due" {
		l.at = "aside"
	}
}

func (m *model) release(l *modelLeg, p index.Past, now int64) {
	if !l.Held {
		return
	}
	l.Past, l.Held = p, false
	if l.at == "aside" {
		m.proceed(l, now)
	}
}

func (m *model) unsent(l *modelLeg) {
	if !l.Out {
		return
	}
	l.Out = false
	l.Attempt--
	l.Until = 0
	m.proceed(l, 0)
}

func (m *model) shelve(l *modelLeg, attempt int, name string) bool {
	if !l.Out || l.Attempt != attempt {
		return false
	}
	l.Out = false
	l.Attempt--
	l.Until = 0
	l.at = "shelf"
	m.shelves[name] = append(m.shelves[name], l)
	return true
}

func (m *model) unshelve(name string) bool {
	legs, ok := m.shelves[name]
	delete(m.shelves, name)
	m.opened = append(m.opened, legs...)
	return ok
}

func (m *model) counts() (n index.Counts) {
	for _, shelf := range m.shelves {
		for _, l := range shelf {
			if l.at == "shelf" && !l.Dead && !l.Held {
				n.Shelved++
			}
		}
	}
	for _, l := range m.legs {
		n.Bytes += l.Size
		if l.Dead {
			n.Dead++
		} else {
			n.Pending++
		}
		if l.Held {
			n.Held++
		}
		if l.Out {
			n.Out++
		}
	}
	return n
}
