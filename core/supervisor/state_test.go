package supervisor

import (
	"testing"
	"time"
)

// at is a time of the tables, in seconds since some start.
func at(seconds float64) time.Time {
	return time.Unix(1_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// step is an input of the machine and what must hold after it.
type step struct {
	at    float64
	do    string
	state State
	due   float64 // seconds after at; checked in Backoff and Quarantined
	says  bool    // what the input reports
}

func TestMachine(t *testing.T) {
	up := func(at float64) step { return step{at, "serve", Ready, 0, false} }
	// With chance 1, pauses are their bounds.
	tables := map[string][]step{
		"a life": {
			{0, "start", Starting, 0, false}, {1, "configure", Configuring, 0, false}, up(2),
			{3, "drain", Draining, 0, false}, {4, "stop", Stopped, 0, false},
		},
		"pauses double and are forgotten after a healthy minute": {
			up(0), {1, "fail", Backoff, 0.1, false}, up(200), {201, "fail", Backoff, 0.2, false}, up(400), {401, "fail", Backoff, 0.4, false},
			up(600), {660, "fail", Backoff, 0.1, false}, up(700), {701, "fail", Backoff, 0.2, false},
		},
		"pauses are bounded": {
			{0, "fail", Backoff, 0.1, false}, {200, "fail", Backoff, 0.2, false}, {400, "fail", Backoff, 0.4, false}, {600, "fail", Backoff, 0.8, false},
			{800, "fail", Backoff, 1.6, false}, {1000, "fail", Backoff, 3.2, false}, {1200, "fail", Backoff, 6.4, false}, {1400, "fail", Backoff, 12.8, false},
			{1600, "fail", Backoff, 25.6, false}, {1800, "fail", Backoff, 30, false}, {2000, "fail", Backoff, 30, false},
		},
		"five failures in two minutes": {
			{0, "fail", Backoff, 0.1, false}, {1, "fail", Backoff, 0.2, false}, {2, "fail", Backoff, 0.4, false}, {3, "fail", Backoff, 0.8, false},
			{119, "fail", Quarantined, 60, false}, {179, "fail", Quarantined, 60, false}, {500, "fail", Quarantined, 60, false},
			up(600), {610, "fail", Quarantined, 60, false}, up(700), {760, "fail", Backoff, 0.1, false},
		},
		"four and one later": {
			{0, "fail", Backoff, 0.1, false}, {1, "fail", Backoff, 0.2, false}, {2, "fail", Backoff, 0.4, false}, {3, "fail", Backoff, 0.8, false},
			{120, "fail", Backoff, 1.6, false},
		},
		"what cannot be mended is not tried in a loop": {
			{0, "fail hopelessly", Quarantined, 60, false}, up(60), {61, "fail", Quarantined, 60, false},
		},
		"three deadlines in a row": {
			up(0), {1, "miss", Ready, 0, false}, {2, "miss", Ready, 0, false}, {3, "answer", Ready, 0, false},
			{4, "miss", Ready, 0, false}, {5, "miss", Ready, 0, false}, {6, "miss", Ready, 0, true},
		},
		"three silences in a row": {
			up(0), {1, "silence", Degraded, 0, false}, {2, "silence", Degraded, 0, false}, {3, "healthy", Ready, 0, false},
			{4, "silence", Degraded, 0, false}, {5, "silence", Degraded, 0, false}, {6, "silence", Degraded, 0, true},
		},
		"one that says it cannot is not started again for it": {
			up(0), {1, "unfit", Degraded, 0, false}, {2, "unfit", Degraded, 0, false}, {3, "silence", Degraded, 0, false}, {4, "silence", Degraded, 0, false},
			{5, "unfit", Degraded, 0, false}, {6, "silence", Degraded, 0, false}, {7, "healthy", Ready, 0, false},
		},
		"degraded counts as healthy time": {
			{0, "fail", Backoff, 0.1, false}, up(1), {2, "unfit", Degraded, 0, false}, {61, "fail", Backoff, 0.1, false},
		},
		"a pardon undoes the failure": {
			up(0), {1, "fail", Backoff, 0.1, false}, {1, "pardon", Backoff, 0, true}, {1, "pardon", Backoff, 0, false},
			up(2), {3, "fail", Backoff, 0.1, false},
		},
		"a pardon after the restart": {
			up(0), {1, "fail", Backoff, 0.1, false}, up(1.1), {2, "pardon 1", Ready, 0, false}, {3, "fail", Backoff, 0.1, false},
		},
		"a pardon out of the quarantine": {
			{0, "fail", Backoff, 0.1, false}, {1, "fail", Backoff, 0.2, false}, {2, "fail", Backoff, 0.4, false}, {3, "fail", Backoff, 0.8, false},
			up(4), {5, "fail", Quarantined, 60, false}, {6, "pardon", Backoff, 0, true}, up(7), {120, "fail", Backoff, 0.1, false},
		},
		"a pardon within the quarantine": {
			{0, "fail hopelessly", Quarantined, 60, false}, up(60), {61, "fail", Quarantined, 60, false}, {62, "pardon", Backoff, 0, true},
			up(63), {64, "fail", Quarantined, 60, false},
		},
		"a pardon of an older failure leaves the pause": {
			up(0), {1, "fail", Backoff, 0.1, false}, {2, "start", Starting, 0, false}, {3, "fail", Backoff, 0.2, false}, {3, "pardon 1", Backoff, 0.2, false},
		},
		"a pardon forgives deadlines": {
			up(0), {1, "miss", Ready, 0, false}, {2, "miss", Ready, 0, false}, {3, "pardon", Ready, 0, false}, {4, "miss", Ready, 0, false},
		},
		"what replaces starts afresh": {
			{0, "fail hopelessly", Quarantined, 60, false}, {1, "renew", Ready, 0, false}, {2, "fail", Backoff, 0.1, false},
		},
		"relief is no new life": {
			{0, "fail", Backoff, 0.1, false}, up(1), {2, "miss", Ready, 0, false}, {3, "miss", Ready, 0, false}, {50, "relieve", Ready, 0, false},
			{51, "miss", Ready, 0, false}, {52, "miss", Ready, 0, false}, {61, "fail", Backoff, 0.1, false},
		},
		"a way back starts at once": {
			up(0), {1, "fail", Backoff, 0.1, false}, {1, "retry", Backoff, 0, false},
		},
	}
	for name, steps := range tables {
		t.Run(name, func(t *testing.T) {
			m := machine{state: Stopped, tolerance: quarantineAfter, random: func() float64 { return 1 }}
			for i, s := range steps {
				now := at(s.at)
				says := m.input(now, s.do)
				if m.state != s.state || says != s.says {
					t.Fatalf("step %d, %s: %s and %v, want %s and %v", i, s.do, m.state, says, s.state, s.says)
				}
				if due := m.due.Sub(now); (s.state == Backoff || s.state == Quarantined) && due != time.Duration(s.due*float64(time.Second)) {
					t.Fatalf("step %d, %s: due in %s, want %gs", i, s.do, due, s.due)
				}
			}
		})
	}
}

func (m *machine) input(now time.Time, do string) (says bool) {
	switch do {
	case "start":
		m.starting(m.generation + 1)
	case "configure":
		m.configuring()
	case "serve":
		m.serving(now, m.generation+1)
	case "fail":
		m.failed(now, false)
	case "fail hopelessly":
		m.failed(now, true)
	case "miss":
		return m.missed()
	case "answer":
		m.answered()
	case "silence":
		return m.silent()
	case "healthy":
		m.healthy()
	case "unfit":
		m.unfit()
	case "pardon":
		return m.pardon(now, m.generation)
	case "pardon 1":
		return m.pardon(now, 1)
	case "renew":
		m.renewed()
		m.serving(now, m.generation+1)
	case "relieve":
		m.relieved(m.generation + 1)
	case "retry":
		m.retry(now)
	case "drain":
		m.draining()
	case "stop":
		m.stopped()
	default:
		panic(do)
	}
	return false
}

func TestPauseIsRandom(t *testing.T) {
	m := machine{random: func() float64 { return 0.25 }, streak: 4}
	if got := m.pause(); got != 200*time.Millisecond {
		t.Errorf("pause %s, want a quarter of 800ms", got)
	}
	m.streak = 1 << 40
	if got := m.pause(); got != longPause/4 {
		t.Errorf("pause %s, want a quarter of the longest", got)
	}
}
