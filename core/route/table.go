// Package route decides where an event goes.
//
// Build a [Table] with [New] and ask [Table.Match] for every event, then
// [Table.Validate] once the sender has been found entitled. [Table.Explain]
// answers why a route did or did not apply.
//
// The package is pure: the same table and the same event give the same answer,
// without I/O, clock or goroutine. A Table never changes and is safe for
// concurrent use. Everything that can be wrong with a rule is found by New,
// except what depends on the event.
package route

import (
	"errors"
	"fmt"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/headgate-io/headgate/sdk"
)

// Table is a compiled set of routes and the channels they lead to.
type Table struct {
	routes   []route   // in file order
	matched  []Matched // what a match of each route gives, same order
	channels []channel
	index    node
}

// route is one compiled Rule.
type route struct {
	types, sources []sdk.Glob // for Explain; Match asks the index
	when           *expression
	schema         *jsonschema.Schema
	channels       []int    // into Table.channels, none twice
	targets        []Target // one per channel, without order keys
	ordered        bool     // a channel has an order key, so targets are not the whole answer
}

// channel is one compiled Channel.
type channel struct {
	Channel
	order *expression
}

// New compiles rules and channels, in file order. Its error joins one
// *CompileError per fault, all there are.
func New(rules []Rule, channels []Channel, o Options) (*Table, error) {
	if o.ConditionCost == 0 {
		o.ConditionCost = DefaultConditionCost
	}
	language, err := newLanguage(o.ConditionCost)
	if err != nil {
		return nil, err
	}
	b := builder{
		table:    &Table{routes: make([]route, len(rules)), matched: make([]Matched, len(rules)), channels: make([]channel, len(channels))},
		language: language,
		byName:   make(map[string]int, len(channels)),
	}
	for i, c := range channels {
		b.channel(i, c)
	}
	names := make(map[string]bool, len(rules))
	for i, r := range rules {
		if names[r.Name] {
			b.fault(fmt.Sprintf("routes[%d].name", i), fmt.Errorf("route %q is there already", r.Name))
		}
		names[r.Name] = true
		b.route(i, r)
	}
	if len(b.faults) > 0 {
		return nil, errors.Join(b.faults...)
	}
	return b.table, nil
}

// builder is a Table under construction and the faults found so far.
type builder struct {
	table    *Table
	language *language
	byName   map[string]int // channels
	faults   []error
}

func (b *builder) fault(key string, err error) {
	b.faults = append(b.faults, &CompileError{Key: key, Err: err})
}

func (b *builder) channel(i int, c Channel) {
	key := fmt.Sprintf("channels[%d]", i)
	if _, ok := b.byName[c.Name]; ok {
		b.fault(key+".name", fmt.Errorf("channel %q is there already", c.Name))
	}
	b.byName[c.Name] = i
	b.table.channels[i] = channel{Channel: c, order: b.expression(key+".order_by", c.OrderBy, orderKey)}
}

func (b *builder) route(i int, r Rule) {
	key := fmt.Sprintf("routes[%d]", i)
	rt := route{when: b.expression(key+".when", r.When, condition)}
	if len(r.Types) == 0 {
		b.fault(key+".type", errors.New("route names no type: write ** for any"))
	}
	if len(r.Sources) == 0 {
		r.Sources = []string{"**"}
	}
	rt.types = b.globs(key+".type", r.Types, sdk.TypeSeparator)
	rt.sources = b.globs(key+".source", r.Sources, sdk.SourceSeparator)
	for _, typ := range rt.types {
		for _, source := range rt.sources {
			leaf := b.table.index.add(typ).add(source)
			leaf.routes = append(leaf.routes, i)
		}
	}
	if r.Schema != nil {
		schema, err := compileSchema(r.Schema)
		if err != nil {
			b.fault(key+".schema", err)
		}
		rt.schema = schema
	}
	if len(r.Channels) == 0 {
		b.fault(key+".channels", errors.New("route leads to no channel"))
	}

	m := Matched{Name: r.Name, Rate: r.Rate, schema: rt.schema}
	m.require(Requirement{Auth: r.Auth})
	m.require(Requirement{Auth: r.RequireAuth, Scopes: r.Scopes, EventSignature: r.EventSignature})
	for j, name := range r.Channels {
		at, ok := b.byName[name]
		if !ok {
			b.fault(fmt.Sprintf("%s.channels[%d]", key, j), fmt.Errorf("no channel is called %q", name))
			continue
		}
		if slices.Contains(rt.channels, at) {
			continue
		}
		c := b.table.channels[at]
		m.require(Requirement{Auth: c.Auth, Scopes: c.Scopes, EventSignature: c.EventSignature})
		rt.channels = append(rt.channels, at)
		rt.targets = append(rt.targets, Target{Channel: c.Name, Route: r.Name, Command: c.Command, Park: c.Park,
			Transforms: chain(r.Transforms, c.Transforms)})
		rt.ordered = rt.ordered || c.order != nil
	}
	b.table.routes[i], b.table.matched[i] = rt, m
}

// chain is what runs on the way from a route to a channel: what the channel
// requires has the last word, and nothing runs twice.
func chain(route, channel []string) []string {
	required := func(name string) bool { return slices.Contains(channel, name) }
	return append(slices.DeleteFunc(slices.Clone(route), required), channel...)
}

func (b *builder) expression(key, text string, want shape) *expression {
	if text == "" {
		return nil
	}
	x, faults := b.language.compile(key, text, want)
	b.faults = append(b.faults, faults...)
	return x
}

func (b *builder) globs(key string, patterns []string, separator string) []sdk.Glob {
	globs := make([]sdk.Glob, 0, len(patterns))
	for i, pattern := range patterns {
		g, err := sdk.ParseGlob(pattern, separator)
		if err != nil {
			b.fault(fmt.Sprintf("%s[%d]", key, i), err)
			continue
		}
		globs = append(globs, g)
	}
	return globs
}
