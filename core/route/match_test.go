package route_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/sdk"
)

func TestMatchGlobs(t *testing.T) {
	const (
		typ    = "com.example.order.created"
		source = "//shop.example/till/7"
	)
	for _, c := range []struct {
		name           string
		types, sources []string
		want           bool
	}{
		{"exact", []string{typ}, []string{source}, true},
		{"no source is any source", []string{typ}, nil, true},
		{"one segment", []string{"com.example.order.*"}, nil, true},
		{"one segment in the middle", []string{"com.*.order.created"}, nil, true},
		{"one segment is not two", []string{"com.example.*"}, nil, false},
		{"rest", []string{"com.example.**"}, nil, true},
		{"rest of one segment", []string{"com.example.order.**"}, nil, true},
		{"rest is not nothing", []string{"com.example.order.created.**"}, nil, false},
		{"anything", []string{"**"}, []string{"**"}, true},
		{"case counts", []string{"com.example.Order.created"}, nil, false},
		{"a prefix is no match", []string{"com.example.order"}, nil, false},
		{"longer is no match", []string{"com.example.order.created.v2"}, nil, false},
		{"any of several types", []string{"com.other", "com.example.order.*"}, nil, true},
		{"source rest", []string{"**"}, []string{"//shop.example/**"}, true},
		{"source one segment", []string{"**"}, []string{"//shop.example/till/*"}, true},
		{"source one segment is not two", []string{"**"}, []string{"//shop.example/*"}, false},
		{"source of a longer host", []string{"**"}, []string{"//shop.example.evil/**"}, false},
		{"any of several sources", []string{"**"}, []string{"//other/**", "//shop.example/**"}, true},
		{"type fits, source does not", []string{typ}, []string{"//other/**"}, false},
		{"source fits, type does not", []string{"com.other"}, []string{source}, false},
		{"both of one pair", []string{"com.other", typ}, []string{source, "//other/**"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := build(t, []route.Rule{{Name: "one", Types: c.types, Sources: c.sources, Channels: []string{"commands"}}}, commands)
			m, err := table.Match(&sdk.Event{Type: typ, Source: source})
			switch {
			case c.want && err != nil:
				t.Errorf("got %v, want a match", err)
			case c.want && (len(m.Routes) != 1 || len(m.Targets) != 1):
				t.Errorf("got %d routes and %d targets, want one of each", len(m.Routes), len(m.Targets))
			case !c.want && !errors.Is(err, route.ErrNoRoute):
				t.Errorf("got %v, want ErrNoRoute", err)
			}
		})
	}
}

var ways = []route.Channel{
	{Name: "commands", Command: true, OrderBy: "event.subject", Park: true, Scopes: []string{"floor"}},
	{Name: "audit", Command: true, Auth: []string{"okta"}},
	{Name: "telemetry"},
}

func TestMatchFirstRouteWinsPerChannel(t *testing.T) {
	table := build(t, []route.Rule{
		{Name: "narrow", Types: []string{"com.example.order.*"}, Channels: []string{"telemetry", "telemetry"}},
		{Name: "other", Types: []string{"com.other"}, Channels: []string{"audit"}},
		{Name: "wide", Types: []string{"com.**"}, Channels: []string{"commands", "telemetry"}},
		{Name: "widest", Types: []string{"**", "com.**"}, Channels: []string{"audit", "commands"}},
	}, ways)
	m, err := table.Match(order())
	if err != nil {
		t.Fatal(err)
	}
	if got := names(m); got != "narrow wide widest" {
		t.Errorf("matched %q, want all that fit in file order, each once", got)
	}
	want := []route.Target{
		{Channel: "telemetry", Route: "narrow"},
		{Channel: "commands", Route: "wide", Command: true, Order: "order/42", Park: true},
		{Channel: "audit", Route: "widest", Command: true},
	}
	if !reflect.DeepEqual(m.Targets, want) {
		t.Errorf("targets\n%+v\nwant\n%+v", m.Targets, want)
	}
}

func TestMatchKeepsEveryRequirement(t *testing.T) {
	table := build(t, []route.Rule{
		{Name: "strict", Types: []string{"com.**"}, Auth: []string{"okta", "edge"}, RequireAuth: []string{"okta"}, Scopes: []string{"a", "b"},
			Rate: route.Rate{PerSecond: 5, Burst: 9}, Channels: []string{"commands", "audit", "telemetry"}},
		{Name: "late", Types: []string{"**"}, Scopes: []string{"c"}, Channels: []string{"commands"}},
		{Name: "open", Types: []string{"**"}, Channels: []string{"telemetry"}},
	}, ways)
	m, err := table.Match(order())
	if err != nil {
		t.Fatal(err)
	}
	want := [][]route.Requirement{
		{{Auth: []string{"okta", "edge"}}, {Auth: []string{"okta"}, Scopes: []string{"a", "b"}}, {Scopes: []string{"floor"}}, {Auth: []string{"okta"}}},
		// Its channel is taken already, and its requirements bind all the same.
		{{Scopes: []string{"c"}}, {Scopes: []string{"floor"}}},
		nil,
	}
	for i, r := range m.Routes {
		if !reflect.DeepEqual(r.Requirements, want[i]) {
			t.Errorf("%s requires %+v, want %+v", r.Name, r.Requirements, want[i])
		}
	}
	if got := m.Routes[0].Rate; got != (route.Rate{PerSecond: 5, Burst: 9}) {
		t.Errorf("rate %+v", got)
	}
}

func TestMatchConditionSelects(t *testing.T) {
	table := build(t, []route.Rule{
		rule("small", func(r *route.Rule) { r.When = "event.data.amount < 10" }),
		rule("large", func(r *route.Rule) { r.When = "event.data.amount >= 10" }),
	}, commands)
	m, err := table.Match(order())
	if err != nil {
		t.Fatal(err)
	}
	if names(m) != "large" || m.Targets[0].Route != "large" {
		t.Errorf("matched %q with %+v", names(m), m.Targets)
	}
}

func TestMatchRefusesOnAnyFailedCondition(t *testing.T) {
	table := build(t, []route.Rule{
		rule("fits", nil),
		rule("fails", func(r *route.Rule) { r.When = "event.data.nothing == 1" }),
		rule("elsewhere", func(r *route.Rule) { r.Types = []string{"com.other"}; r.When = "event.data.nothing == 2" }),
	}, commands)
	_, err := table.Match(order())
	var failed *route.ConditionError
	if !errors.As(err, &failed) || failed.Key != "routes[1].when" {
		t.Fatalf("got %v, want a ConditionError of routes[1].when", err)
	}
}

func TestMatchOrderKeys(t *testing.T) {
	for _, c := range []struct{ by, want, fault string }{
		{"event.subject", "order/42", ""},
		{"event.data.customer", "c-9", ""},
		{"event.data.count", "3", ""},
		{"event.extensions.priority", "7", ""},
		{"event.source + '#' + string(event.extensions.priority)", "//shop.example/till/7#7", ""},
		{"''", "", ""},
		{"-1", "-1", ""},
		{"event.dataschema", "", "has()"},
		{"event.data.nothing", "", "no such key"},
		{"event.data.amount", "", "gave double"},
		{"event.data.big", "", "gave double"},
		{"event.data.note", "", "gave null"},
		{"event.data.items", "", "gave list"},
		{"'" + strings.Repeat("k", route.MaxOrder) + "'", strings.Repeat("k", route.MaxOrder), ""},
		{"'" + strings.Repeat("k", route.MaxOrder+1) + "'", "", "257 bytes"},
	} {
		table := build(t, []route.Rule{rule("one", nil)}, []route.Channel{{Name: "commands", OrderBy: c.by}})
		m, err := table.Match(order())
		if c.fault != "" {
			var failed *route.ConditionError
			if !errors.As(err, &failed) || failed.Key != "channels[0].order_by" || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s: got %v, want a ConditionError with %q", c.by, err, c.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.by, err)
		} else if got := m.Targets[0].Order; got != c.want {
			t.Errorf("%s gives %q, want %q", c.by, got, c.want)
		}
	}
}

func TestMatchOrdersOnlyChannelsReached(t *testing.T) {
	table := build(t, []route.Rule{
		rule("one", nil),
		rule("two", func(r *route.Rule) { r.Types = []string{"com.other"}; r.Channels = []string{"odd"} }),
	}, []route.Channel{commands[0], {Name: "odd", OrderBy: "event.data.nothing"}})
	if _, err := table.Match(order()); err != nil {
		t.Errorf("an order key of a channel that is not reached: %v", err)
	}
}

func TestMatchReadsDataOnlyWhenAsked(t *testing.T) {
	broken := order()
	broken.Data = []byte(`{"amount":`)
	for _, c := range []struct {
		when  string
		fails bool
	}{
		{"", false},
		{"event.extensions.tenant == 'acme'", false},
		{"event.type == 'x' || has(event.subject)", false},
		{"event.extensions.tenant == 'acme' || event.data.amount > 1", false},
		{"has(event.data.amount)", true},
		{"event.data == null", true},
	} {
		_, err := when(t, c.when).Match(broken)
		var failed *route.ConditionError
		if errors.As(err, &failed) != c.fails {
			t.Errorf("%q on broken data: %v", c.when, err)
		}
	}
}

func TestTableIsSafeForConcurrentUse(t *testing.T) {
	table := build(t, []route.Rule{
		rule("one", func(r *route.Rule) {
			r.When = "event.data.items.exists(i, i.sku == 'b')"
			r.Schema = []byte(`{"required":["amount"]}`)
		}),
		rule("two", func(r *route.Rule) { r.Channels = []string{"ordered"} }),
	}, []route.Channel{commands[0], {Name: "ordered", OrderBy: "event.data.customer"}})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				e := order()
				m, err := table.Match(e)
				if err == nil {
					err = table.Validate(e, m)
				}
				if err != nil || len(m.Targets) != 2 {
					t.Errorf("got %+v, %v", m, err)
				}
			}
		})
	}
	group.Wait()
}

func TestMatchWithoutExpressionsTakesNoMemory(t *testing.T) {
	table := build(t, numbered(100), commands)
	e := &sdk.Event{Type: "com.example.n7.created", Source: "//shop.example/7"}
	if n := testing.AllocsPerRun(100, func() { _, _ = table.Match(e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestTransforms shows what runs on the way to each channel, and that a channel
// has the last word.
func TestTransforms(t *testing.T) {
	channels := []route.Channel{{Name: "free"}, {Name: "floor", Command: true, Transforms: []string{"mask", "sign"}, OrderBy: "event.source"}}
	for _, c := range []struct {
		route       []string
		free, floor string
	}{
		{nil, "", "mask sign"},
		{[]string{"enrich"}, "enrich", "enrich mask sign"},
		{[]string{"mask", "enrich"}, "mask enrich", "enrich mask sign"},
		{[]string{"sign", "mask"}, "sign mask", "mask sign"},
	} {
		given := slices.Clone(c.route)
		// The second route leads to the same channels, and changes nothing for them.
		m, err := build(t, []route.Rule{
			rule("one", func(r *route.Rule) { r.Channels, r.Transforms = []string{"free", "floor"}, c.route }),
			rule("two", func(r *route.Rule) { r.Channels, r.Transforms = []string{"floor", "free"}, []string{"other"} }),
		}, channels).Match(order())
		if err != nil || len(m.Targets) != 2 {
			t.Fatalf("%+v, %v", m, err)
		}
		if got := strings.Join(m.Targets[0].Transforms, " "); got != c.free {
			t.Errorf("%v: to free by %q, want %q", c.route, got, c.free)
		}
		if got := strings.Join(m.Targets[1].Transforms, " "); got != c.floor {
			t.Errorf("%v: to floor by %q, want %q", c.route, got, c.floor)
		}
		if !slices.Equal(c.route, given) {
			t.Errorf("the rule has become %v", c.route)
		}
	}
	if !slices.Equal(channels[1].Transforms, []string{"mask", "sign"}) {
		t.Errorf("the channel has become %v", channels[1].Transforms)
	}
}
