package config

import (
	"slices"
	"strings"
)

// weakens tells that after a change less is asked, or more is let in, or that
// nobody can tell. A key that nobody has decided on weakens.
func weakens(was, now part) bool {
	p := now
	if !p.there() {
		p = was
	}
	decided := decisions[p.field].weakens
	return decided == nil || decided(was, now)
}

// rule tells whether a change weakens: of one key, whose values differ, or of a
// table that one of the two has not.
type rule func(was, now part) bool

func neutral(_, _ part) bool { return false }

// another is for what cannot be compared: any change weakens.
func another(_, _ part) bool { return true }

// replaced is for what asks something when it is there, and cannot be compared:
// it is gone, or another.
func replaced(was, _ part) bool { return was.there() && !was.value.IsZero() }

// heard is for who is told of events: it is somebody else, or there was nobody.
func heard(_, now part) bool { return now.there() && !now.value.IsZero() }

func added(was, now part) bool { return now.table && !was.there() }

func gone(_, now part) bool { return !now.there() }

func switchedOn(_, now part) bool { return now.there() && now.value.Bool() }

func switchedOff(was, _ part) bool { return was.there() && was.value.Bool() }

// leaves is for a choice whose safe one is safe.
func leaves(safe string) rule {
	return func(_, now part) bool { return now.there() && now.value.String() != safe }
}

func raised(was, now part) bool {
	return was.there() && now.there() && now.value.Int() > was.value.Int()
}

func lowered(was, now part) bool { return raised(now, was) }

// admitted is for states: what did not count counts now.
func admitted(was, now part) bool { return counts(now) && !counts(was) }

func counts(state part) bool {
	return state.there() && slices.Contains([]string{StateActive, StateRetiring}, state.value.String())
}

// climbs is for a choice of which each one weakens those before it.
func climbs(choices ...string) rule {
	step := func(p part) int {
		if !p.there() {
			return -1
		}
		return slices.Index(choices, p.value.String())
	}
	return func(was, now part) bool { return step(now) > step(was) }
}

// reachesOut is for addresses to listen on: others can reach this one.
func reachesOut(was, now part) bool { return reach(now) > reach(was) }

// How far away one may be to reach an address.
const (
	byNobody = iota
	byFile
	byMachine
	byNetwork
	byAnyNetwork
)

func reach(p part) int {
	if !p.there() || p.value.IsZero() {
		return byNobody
	}
	text := p.value.String()
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	a, err := parseAddress(text, "http", "https", "tcp", "ipc")
	switch {
	case err != nil || a.everywhere():
		return byAnyNetwork
	case a.scheme == "ipc":
		return byFile
	case a.loopback():
		return byMachine
	}
	return byNetwork
}

// grows is for lists of what is let in: something is in it that was not before.
func grows(c covers) rule {
	return func(was, now part) bool { return exceeds(list(now), list(was), c) }
}

// widens is for lists of which one element has to fit, and an empty one asks
// nothing.
func widens(c covers) rule {
	return func(was, now part) bool {
		old, fresh := list(was), list(now)
		return len(old) > 0 && (len(fresh) == 0 || exceeds(fresh, old, c))
	}
}

// shrinks is for lists of what is asked, all of it.
func shrinks(was, now part) bool { return exceeds(list(was), list(now), same) }

// skips is for transforms: one is gone, or runs no more behind one that it ran
// behind, which may bring in again what it took out.
func skips(was, now part) bool {
	rest := list(now)
	for _, name := range list(was) {
		at := slices.Index(rest, name)
		if at < 0 {
			return true
		}
		rest = rest[at+1:]
	}
	return false
}

// routed is for routes: a new one lets events in, and where an old one asked
// something, its events may now go by another that does not.
func routed(was, now part) bool { return added(was, now) || !now.there() && asks(was) }

// selects is for what says which events a route is for, and where they go: more
// is let in by it, or it asked something of those that it is not for any more.
func selects(lets rule) rule {
	return func(was, now part) bool { return lets(was, now) || lets(now, was) && (asks(was) || asks(now)) }
}

// asks tells that the route, or the one that the key stands in, asks anything of
// events: by itself or by a channel that it leads to.
func asks(p part) bool {
	table := p.value
	if !p.table {
		table = p.of
	}
	if !table.IsValid() {
		return false
	}
	r := table.Interface().(Route)
	return len(r.Auth) > 0 || r.Require.asks() || r.Schema != "" || r.Rate.PerPrincipal > 0 || len(r.Transforms) > 0 ||
		slices.ContainsFunc(p.cfg.Channels, func(ch Channel) bool {
			return slices.Contains(r.Channels, ch.Name) && (ch.Require.asks() || len(ch.Require.Transforms) > 0)
		})
}

func (q *Require) asks() bool { return len(q.Scopes) > 0 || len(q.Auth) > 0 || q.EventSignature }

// faster is for rates, of which zero is none: there is none any more, or it is
// higher.
func faster(was, now part) bool {
	if !was.there() || was.value.Float() == 0 {
		return false
	}
	return !now.there() || now.value.Float() == 0 || now.value.Float() > was.value.Float()
}

// burstier is for the bursts of routes: more events are let through at once. How
// many that is by default hangs on the rate.
func burstier(was, now part) bool {
	old, fresh := rate(was), rate(now)
	return old.PerPrincipal > 0 && (fresh.PerPrincipal == 0 || fresh.burst() > old.burst())
}

func rate(key part) Rate {
	if !key.there() {
		return Rate{}
	}
	return key.of.Interface().(Rate)
}

// burst is how many events are let through at once.
func (r Rate) burst() int {
	if r.Burst > 0 {
		return r.Burst
	}
	return max(int(r.PerPrincipal), 1)
}
