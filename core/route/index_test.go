package route_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/sdk"
)

// scan is what the index must agree with: every rule, one by one.
func scan(rules []route.Rule, e *sdk.Event) string {
	fits := func(patterns []string, separator, s string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			g, err := sdk.ParseGlob(pattern, separator)
			return err == nil && g.Match(s)
		})
	}
	var all []string
	for _, r := range rules {
		if fits(r.Types, sdk.TypeSeparator, e.Type) && (len(r.Sources) == 0 || fits(r.Sources, sdk.SourceSeparator, e.Source)) {
			all = append(all, r.Name)
		}
	}
	return strings.Join(all, " ")
}

func agree(t *testing.T, table *route.Table, rules []route.Rule, e *sdk.Event) {
	t.Helper()
	m, err := table.Match(e)
	want := scan(rules, e)
	if (want == "") != errors.Is(err, route.ErrNoRoute) || names(m) != want {
		t.Fatalf("type %q, source %q: index finds %q (%v), scan finds %q", e.Type, e.Source, names(m), err, want)
	}
}

// words are few, so that random patterns and events meet, and odd ones too.
var words = []string{"a", "b", "c", "", "*", "**", "a*"}

func random(r *rand.Rand, separator string) string {
	parts := make([]string, 1+r.IntN(4))
	for i := range parts {
		parts[i] = words[min(r.IntN(len(words)), r.IntN(len(words)))]
	}
	return strings.Join(parts, separator)
}

func globs(r *rand.Rand, separator string, most int) []string {
	var all []string
	for n := r.IntN(most + 1); len(all) < n; {
		g := random(r, separator)
		switch r.IntN(3) {
		case 0:
			g += separator + "**"
		case 1:
			g = strings.ReplaceAll(g, "b", "*")
		}
		if _, err := sdk.ParseGlob(g, separator); err == nil {
			all = append(all, g)
		}
	}
	return all
}

func TestIndexAgreesWithScan(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	matched := 0
	for range 200 {
		var rules []route.Rule
		for i := range 1 + r.IntN(40) {
			types := append(globs(r, sdk.TypeSeparator, 2), "a.b.c")
			rules = append(rules, route.Rule{
				Name: fmt.Sprint("r", i), Types: types, Sources: globs(r, sdk.SourceSeparator, 3), Channels: []string{"commands"},
			})
		}
		table := build(t, rules, commands)
		for range 100 {
			e := &sdk.Event{Type: random(r, sdk.TypeSeparator), Source: random(r, sdk.SourceSeparator)}
			agree(t, table, rules, e)
			if scan(rules, e) != "" {
				matched++
			}
		}
	}
	if matched < 1000 || matched > 19_000 {
		t.Errorf("%d of 20,000 events matched: the test has lost its bite", matched)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("com.example.order.created", "//shop.example/1", "com.example.*.created", "//shop.example/**")
	f.Add("a", "", "**", "*")
	f.Add("a..b.", "///", "a.*.b.*", "/*/**")
	f.Add("", "/", "*", "/")
	f.Add("*.**", "*", "*.**", "*")
	f.Add("\xff.a", "\x00/..", "\xff.*", "\x00/..")
	f.Fuzz(func(t *testing.T, typ, source, typeGlob, sourceGlob string) {
		rules := []route.Rule{
			{Name: "fixed", Types: []string{"a.*", "a.b.**", "com.**"}, Sources: []string{"*", "//shop.example/**"}, Channels: []string{"commands"}},
			{Name: "given", Types: []string{typeGlob}, Sources: []string{sourceGlob}, Channels: []string{"commands"}},
			{Name: "halves", Types: []string{typeGlob, "*.*"}, Sources: []string{sourceGlob, "*/*", "**"}, Channels: []string{"commands"}},
		}
		table, err := route.New(rules, commands, route.Options{})
		if err != nil {
			rules = rules[:1]
			table = build(t, rules, commands)
		}
		agree(t, table, rules, &sdk.Event{Type: typ, Source: source})
	})
}

// numbered makes n routes, each for a type of its own.
func numbered(n int) []route.Rule {
	rules := make([]route.Rule, n)
	for i := range rules {
		rules[i] = route.Rule{
			Name:     fmt.Sprint("route-", i),
			Types:    []string{fmt.Sprintf("com.example.n%d.*", i)},
			Sources:  []string{"//shop.example/**"},
			Scopes:   []string{"orders:write"},
			Channels: []string{"commands"},
		}
	}
	return rules
}

func benchmarkMatch(b *testing.B, n int) {
	table := build(b, numbered(n), commands)
	e := &sdk.Event{Type: fmt.Sprintf("com.example.n%d.created", n/2), Source: "//shop.example/till/7"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Match(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch10(b *testing.B)    { benchmarkMatch(b, 10) }
func BenchmarkMatch10000(b *testing.B) { benchmarkMatch(b, 10_000) }

func BenchmarkMatchCondition(b *testing.B) {
	table := when(b, "event.data.amount > 10 && event.extensions.tenant == 'acme'")
	e := order()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Match(e); err != nil {
			b.Fatal(err)
		}
	}
}
