package config

import (
	"reflect"
	"slices"
	"strings"
)

// Change is one key that differs between two configurations.
type Change struct {
	Key      string // as [KeyOf] writes it; a table without a name has its number: grants[0].sources
	Was, Now string // as TOML writes them, secrets as references; empty for absent
	Weakens  bool   // less is asked, or more is let in, than before; or nobody can tell
	Restart  bool   // counts from the next start on
}

// KeyOf gives the key of a [Change] by its steps, tables by their name or id, as in
// KeyOf("channels", "commands", "prefetch"). A name with a dot in it is quoted.
func KeyOf(steps ...string) (key string) {
	for _, s := range steps {
		key = join(key, s)
	}
	return key
}

// Diff lists what differs, in the order of [Config]. A table that is new or gone
// is one change, with its name as the value, or with all that stands in it where
// it has no name. Routes in another order are a change of "routes", with those
// from the first that has moved to the last.
//
// It compares what the configurations say, not what is in the files that they
// refer to: no keys of a directory that both name.
func Diff(was, now *Config) []Change {
	old, fresh := flatten(was), flatten(now)
	old.drop(was.keysBeside(now))
	fresh.drop(now.keysBeside(was))
	pairTwins(old, fresh)
	out := reordered(was, now)
	fresh.each(func(p part) (whole bool) {
		before, both := old.at[p.name]
		if !both || !p.table && before.text() != p.text() {
			out = append(out, newChange(p.name, before, p))
		}
		return !both
	})
	old.each(func(p part) (whole bool) {
		_, both := fresh.at[p.name]
		if !both {
			out = append(out, newChange(p.name, p, part{}))
		}
		return !both
	})
	order := sections()
	slices.SortStableFunc(out, func(a, b Change) int { return order[section(a.Key)] - order[section(b.Key)] })
	return out
}

// keysBeside are the keys that come from directories which other names, too.
func (c *Config) keysBeside(other *Config) map[string]bool {
	out := make(map[string]bool)
	for i := range c.Auth {
		a := &c.Auth[i]
		same := slices.ContainsFunc(other.Auth, func(b Auth) bool { return b.Name == a.Name && b.KeyDir == a.KeyDir })
		for j := range a.Keys {
			if a.KeyDir != "" && same {
				out[KeyOf("auth", a.Name, "keys", a.Keys[j].ID)] = true
			}
		}
	}
	return out
}

func newChange(key string, was, now part) Change {
	return Change{Key: key, Was: was.text(), Now: now.text(), Weakens: weakens(was, now), Restart: restarts(was, now)}
}

// flat is a configuration as a list of parts, each name once.
type flat struct {
	names []string
	at    map[string]part
}

func flatten(c *Config) *flat {
	f := &flat{at: make(map[string]part)}
	for _, p := range c.parts() {
		if _, twice := f.at[p.name]; !twice { // of a configuration that was never checked
			f.names = append(f.names, p.name)
			f.at[p.name] = p
		}
	}
	return f
}

// each visits all parts but those in a table that visit has seen to as a whole.
func (f *flat) each(visit func(part) (whole bool)) {
	done := "\x00" // begins no name
	for _, name := range f.names {
		p, kept := f.at[name]
		if kept && !strings.HasPrefix(name, done) && visit(p) && p.table {
			done = name + "."
		}
	}
}

// pairTwins drops the tables without a name that both have, wherever they stand:
// what the others mean does not hang on their order.
func pairTwins(old, fresh *flat) {
	was, now := old.nameless(), fresh.nameless()
	ofOld, ofFresh := make(map[string]bool), make(map[string]bool)
	for text, tables := range was {
		for i := range min(len(tables), len(now[text])) {
			ofOld[tables[i]], ofFresh[now[text][i]] = true, true
		}
	}
	old.drop(ofOld)
	fresh.drop(ofFresh)
}

// drop takes out tables and all that stands in them.
func (f *flat) drop(tables map[string]bool) {
	for _, name := range f.names {
		for p := new(f.at[name]); p != nil; p = p.in {
			if tables[p.name] {
				delete(f.at, name)
			}
		}
	}
}

// nameless are the tables of arrays that have no name, by what stands in them.
func (f *flat) nameless() map[string][]string {
	out := make(map[string][]string)
	for _, name := range f.names {
		if p := f.at[name]; p.table && strings.HasSuffix(name, "]") {
			text := p.field + p.text()
			out[text] = append(out[text], name)
		}
	}
	return out
}

// reordered tells that routes stand in another order. An event goes to a channel
// by the first route that leads there, through its transforms and no other's:
// that nothing weaker comes first nobody can tell by the order alone.
func reordered(was, now *Config) []Change {
	old, fresh := routeNames(was), routeNames(now)
	old, fresh = among(old, fresh), among(fresh, old)
	for len(old) > 0 && len(fresh) > 0 && old[0] == fresh[0] {
		old, fresh = old[1:], fresh[1:]
	}
	for len(old) > 0 && len(fresh) > 0 && old[len(old)-1] == fresh[len(fresh)-1] {
		old, fresh = old[:len(old)-1], fresh[:len(fresh)-1]
	}
	if len(old)+len(fresh) == 0 {
		return nil
	}
	return []Change{{Key: "routes", Was: literal(reflect.ValueOf(old)), Now: literal(reflect.ValueOf(fresh)), Weakens: true}}
}

func routeNames(c *Config) []string {
	names := make([]string, len(c.Routes))
	for i := range c.Routes {
		names[i] = c.Routes[i].Name
	}
	return names
}

// among gives the names that others has, too.
func among(names, others []string) []string {
	known := make(map[string]bool, len(others))
	for _, name := range others {
		known[name] = true
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !known[name] })
}

// section is the table at the top that a key belongs to.
func section(key string) string {
	if end := strings.IndexAny(key, ".["); end >= 0 {
		return key[:end]
	}
	return key
}

// sections are the places of the tables at the top.
func sections() map[string]int {
	out := make(map[string]int)
	for i, key := range keysOf(reflect.TypeFor[Config]()) {
		out[key] = i
	}
	return out
}
