package supervisor

import (
	"slices"
	"time"
)

// State is where a Process is.
type State string

// The states. A generation goes from Starting to Draining; between generations
// the process waits.
const (
	Stopped     State = "stopped"     // not started, or ended
	Starting    State = "starting"    // the process is being started
	Configuring State = "configuring" // it runs, and is asked what it is and opened
	Ready       State = "ready"       // it is called
	Degraded    State = "degraded"    // it runs and is not called: it said that it cannot work, or said nothing
	Draining    State = "draining"    // the last calls end
	Backoff     State = "backoff"     // it failed and is started again after a pause
	Quarantined State = "quarantined" // it fails over and over and is tried once in a while
)

const (
	// The pause before a start is random up to a bound, so that
	// plugins that failed together do not start together. The bound doubles with
	// each failure.
	firstPause = 100 * time.Millisecond
	leastPause = 2 * time.Millisecond // chance must not make a start follow at once
	longPause  = 30 * time.Second
	// healthyTime without a failure makes earlier ones forgotten.
	healthyTime = time.Minute
	// quarantineAfter failures within quarantineWindow mean that starting again
	// does not help: from then on it is tried every probePause.
	quarantineAfter  = 5
	quarantineWindow = 2 * time.Minute
	probePause       = time.Minute
	// maxMisses deadlines or health questions missed in a row end a generation.
	maxMisses = 3
)

// machine decides what a Process does next. It is pure: time and chance come in.
type machine struct {
	random    func() float64 // in [0, 1)
	tolerance int            // quarantineAfter

	state      State
	generation int
	ready      time.Time // when this generation became ready; zero when it did not, or failed
	due        time.Time // in Backoff and Quarantined: when to start
	failures   []failure // of the last quarantineWindow, oldest first
	streak     int       // failures since it last was healthy for healthyTime
	condemned  bool      // was quarantined and not healthy for healthyTime since
	misses     int       // calls in a row that ran into their deadline
	silences   int       // health questions in a row without an answer
}

type failure struct {
	at         time.Time
	generation int
	condemned  bool // it is what led to the quarantine
}

func (m *machine) starting(generation int) {
	m.state, m.generation, m.ready = Starting, generation, time.Time{}
}

func (m *machine) configuring() { m.state = Configuring }

// serving notes that a generation can be called.
func (m *machine) serving(now time.Time, generation int) {
	m.state, m.generation, m.ready = Ready, generation, now
	m.misses, m.silences = 0, 0
}

// relieved notes that another generation goes on in the place of this one, of
// which nothing is held against the plugin: it is as old as it was.
func (m *machine) relieved(generation int) { m.serving(m.ready, generation) }

// renewed forgets the failures of what was replaced.
func (m *machine) renewed() { m.failures, m.streak, m.condemned = nil, 0, false }

// failed notes the end of a generation, or that it could not begin. hopeless
// says that starting it again cannot help.
func (m *machine) failed(now time.Time, hopeless bool) {
	if m.age(now) >= healthyTime {
		m.streak, m.condemned = 0, false
	}
	m.failures = slices.DeleteFunc(m.failures, func(f failure) bool { return now.Sub(f.at) >= quarantineWindow })
	f := failure{at: now, generation: m.generation}
	if hopeless || len(m.failures)+1 >= m.tolerance {
		f.condemned = !m.condemned
		m.condemned = true
	}
	m.failures = append(m.failures, f)
	m.streak++
	m.ready = time.Time{}
	if m.condemned {
		m.state, m.due = Quarantined, now.Add(probePause)
		return
	}
	m.state, m.due = Backoff, now.Add(m.pause())
}

// age is how long ago this generation became ready.
func (m *machine) age(now time.Time) time.Duration {
	if m.ready.IsZero() {
		return 0
	}
	return now.Sub(m.ready)
}

// pause is how long to wait after the last of streak failures.
func (m *machine) pause() time.Duration {
	bound := longPause
	if doublings := m.streak - 1; doublings < 16 {
		bound = min(bound, firstPause<<doublings)
	}
	return max(time.Duration(m.random()*float64(bound)), leastPause)
}

// pardon takes back the failure of a generation, for an event was to blame: what
// it brought about is undone. It reports whether the next start is due earlier by
// that.
func (m *machine) pardon(now time.Time, generation int) bool {
	if m.generation == generation {
		m.misses = 0
	}
	i := slices.IndexFunc(m.failures, func(f failure) bool { return f.generation == generation })
	if i < 0 {
		return false
	}
	f, newest := m.failures[i], i == len(m.failures)-1
	m.failures = slices.Delete(m.failures, i, i+1)
	m.streak = max(m.streak-1, 0)
	if f.condemned {
		m.condemned = false
	}
	waiting := m.state == Backoff || m.state == Quarantined
	if !waiting || !newest && !f.condemned {
		return false
	}
	m.retry(now)
	return true
}

// retry has the next generation start at once.
func (m *machine) retry(now time.Time) { m.state, m.due = Backoff, now }

// answered notes the end of a call that met its deadline.
func (m *machine) answered() { m.misses = 0 }

// missed notes a call that ran into its deadline, and reports whether the
// generation is to end.
func (m *machine) missed() bool {
	m.misses++
	return m.misses >= maxMisses
}

// healthy notes a good answer to a health question.
func (m *machine) healthy() {
	m.silences = 0
	if m.state == Degraded {
		m.state = Ready
	}
}

// unfit notes that the plugin itself said it cannot work now: that is no fault,
// and starting it again would not change it.
func (m *machine) unfit() {
	m.silences = 0
	if m.state == Ready {
		m.state = Degraded
	}
}

// silent notes a health question without an answer, and reports whether the
// generation is to end.
func (m *machine) silent() bool {
	m.silences++
	if m.state == Ready {
		m.state = Degraded
	}
	return m.silences >= maxMisses
}

func (m *machine) draining() { m.state = Draining }

func (m *machine) stopped() { m.state = Stopped }
