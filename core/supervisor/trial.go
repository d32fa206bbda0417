package supervisor

import (
	"time"

	"github.com/headgate-io/headgate/sdk"
)

const (
	// maxStrikes is how often an event makes a plugin fail before it is given up:
	// once may be chance, twice bad luck.
	maxStrikes = 3
	// maxKills is the same for ends that may come from without, of which nobody can
	// tell whom they were meant for: the out-of-memory killer's, which is an event's
	// doing, looks like a person's, which is not.
	//
	// Such a strike counts only in a process that was busy with other events for
	// some time c, and then with the suspect for c/2 at most; see control. A process
	// that dies during the control, and a suspect that passes, wipe all strikes.
	// Where kills come at random, at whatever rate r, a round ends in a strike with
	// probability exp(-rc)(1-exp(-rc/2)), which is never above 4/27. The first strike
	// is bad luck that somebody has at every kill; seven more in a row have less than
	// 2 chances in a million at the worst rate, and none worth a number at a rate
	// that lets the plugin work. That the control's length is random does the same
	// against kills that follow each start by a fixed time.
	maxKills = 8
	// maxWasted is how many failures in which nothing was learned, since an event
	// was last done with, show that it is the plugin that is broken. Events are
	// taken in random order, so that so many poisonous ones do not come first by
	// chance every time.
	maxWasted = 16
	// leastControls calls of another event, and at random nearly twice as many, come
	// before an event that made the plugin fail of itself: a process that fails now
	// and then, whatever it is given, should do so without the suspect.
	leastControls = 3
)

// trial finds out which of some events a plugin cannot take, by running each
// alone. It is pure: it says which is next and is told what happened. Those that
// made the plugin fail come last, when others may have passed.
type trial struct {
	waiting []int // in the order they run; the suspects last
	suspect []suspicion
	results []sdk.Outcome
	wasted  int
	blamed  int
}

// suspicion is what is held against one event.
type suspicion struct {
	roused  bool          // it made the plugin fail at all
	strikes int           // failures that count
	own     int           // of these, faults that nothing but the plugin itself brings about
	longest time.Duration // that it took to die
	passes  int           // of others, in the process that failed last
	busy    time.Duration // of that process, when it failed
}

// control is how long a process has to be busy with other events before the
// suspect has it, by a random number in [0, 1).
func (s suspicion) control(random float64) time.Duration {
	return time.Duration(float64(s.longest) * (2 + 4*random))
}

// calls is how many calls of another event come at least before the suspect, by a
// random number below leastControls.
func (s suspicion) calls(random int) int {
	if s.own == 0 {
		return 1
	}
	return leastControls + random
}

// repeats tells whether the suspect would have a process after as many others as
// the last time, or when it is as old as then. One that fails at its n-th call, or
// at some age, whatever it is given, must not strike the same event again.
func (s suspicion) repeats(a alibi) bool {
	return s.passes == a.passes || a.busy <= s.busy && s.busy <= a.busy+2*s.longest
}

// alibi is what a process did before it failed.
type alibi struct {
	passes int           // of other events
	busy   time.Duration // that these took
}

// clears tells whether a fault cannot be laid to the process itself.
func (a alibi) clears(f fault) bool { return a.passes > 0 && (!f.sent || a.busy >= 2*f.after) }

// newTrial takes events 0 to n-1 in the order that shuffle gives: rand.Perm.
func newTrial(n int, shuffle func(int) []int) *trial {
	return &trial{waiting: shuffle(n), suspect: make([]suspicion, n), results: make([]sdk.Outcome, n)}
}

// next is the event to run; none when all are done with.
func (t *trial) next() (event int, s suspicion, ok bool) {
	if len(t.waiting) == 0 {
		return 0, suspicion{}, false
	}
	i := t.waiting[0]
	return i, t.suspect[i], true
}

// passed notes that the plugin answered for the next event.
func (t *trial) passed(o sdk.Outcome) {
	t.results[t.waiting[0]] = o
	t.waiting = t.waiting[1:]
	t.wasted = 0
}

// failed notes that the plugin failed while it had the next event. It reports
// whether the event is given up.
func (t *trial) failed(f fault, a alibi) bool {
	i := t.waiting[0]
	s := &t.suspect[i]
	s.roused, s.passes, s.busy = true, a.passes, a.busy+f.after
	if f.crime == died {
		s.longest = max(s.longest, f.after)
	}
	if !a.clears(f) {
		t.waste()
		return false
	}
	s.strikes++
	if !f.sent {
		s.own++
	}
	if s.own < maxStrikes && s.strikes < maxKills {
		t.rotate()
		return false
	}
	t.passed(f.verdict(s.strikes))
	t.blamed++
	return true
}

// acquit wipes what is held against the next event: the plugin failed without it.
func (t *trial) acquit() {
	s := &t.suspect[t.waiting[0]]
	s.strikes, s.own = 0, 0
	t.waste()
}

// waste notes a failure that says nothing of any event.
func (t *trial) waste() {
	t.wasted++
	t.rotate()
}

// futile says that nothing can be learned any more.
func (t *trial) futile() bool { return t.wasted >= maxWasted }

func (t *trial) rotate() { t.waiting = append(t.waiting[1:], t.waiting[0]) }
