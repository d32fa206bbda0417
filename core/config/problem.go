package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration, and where.
type Problem struct {
	File   string // as it was named to Load; "env NAME" or "flag NAME" when it came from there; empty for nowhere
	Line   int    // from 1; 0 when unknown
	Column int    // in bytes, from 1; 0 when unknown
	Key    string // dotted, as in routes[3].when; empty for the whole file
	Text   string // what is wrong
	Hint   string // what to do; may be empty
}

// Error gives one line, as in
//
//	headgate.toml:12:3: routes[0].chanels: unknown key; did you mean "channels"?
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(Position{p.File, p.Line, p.Column}.String() + ": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Text)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Problems is everything that is wrong, in order of file, line and column.
// It is the only error of [Load] and [Parse], and never empty there.
type Problems []Problem

// Error gives one line per problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Key, b.Key))
	})
}

// Problem makes a problem of a dotted key, such as routes[3].when, for those
// who find it after loading. A key that no file has gets the place of what it
// would stand in.
func (c *Config) Problem(key, text string) Problem {
	at := c.spots.at(key)
	return Problem{File: at.File, Line: at.Line, Column: at.Column, Key: key, Text: text}
}

// report collects the problems of one configuration.
type report struct {
	spots    *spot
	problems Problems
}

func (r *report) bad(key, format string, args ...any) {
	r.hint(key, "", format, args...)
}

// hint is bad with a hint. A key has one problem: the first.
func (r *report) hint(key, hint, format string, args ...any) {
	if slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Key == key }) {
		return
	}
	at := r.spots.at(key)
	r.problems = append(r.problems, Problem{at.File, at.Line, at.Column, key, fmt.Sprintf(format, args...), hint})
}

// err gives the sorted problems, nil for none.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	r.problems.sort()
	return r.problems
}
