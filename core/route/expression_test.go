package route_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/sdk"
)

func TestConditions(t *testing.T) {
	bare := &sdk.Event{ID: "1", Source: "s", SpecVersion: "1.0", Type: "t"}
	text := &sdk.Event{ID: "1", Source: "s", SpecVersion: "1.0", Type: "t", DataContentType: "text/plain", Data: []byte("hello")}
	list := &sdk.Event{ID: "1", Source: "s", SpecVersion: "1.0", Type: "t", Data: []byte(`[1,2.0,1e3,-0,9223372036854775807,9223372036854775808]`), DataIsJSON: true}
	null := &sdk.Event{ID: "1", Source: "s", SpecVersion: "1.0", Type: "t", Data: []byte(`null`), DataIsJSON: true}
	for _, c := range []struct {
		when string
		e    *sdk.Event
		want string // true, false, or a part of the error
	}{
		{"event.id == 'a-1' && event.specversion == '1.0'", order(), "true"},
		{"event.source.startsWith('//shop.example/') && event.type.endsWith('.created')", order(), "true"},
		{"event.subject.matches('^order/[0-9]+$')", order(), "true"},
		{"event.datacontenttype == 'application/json'", order(), "true"},
		{"event.time > timestamp('2026-01-01T00:00:00Z') && event.time.getFullYear() == 2026", order(), "true"},

		{"has(event.subject) && has(event.time) && has(event.data) && has(event.extensions)", order(), "true"},
		{"has(event.subject) || has(event.time) || has(event.data) || has(event.extensions) || has(event.dataschema)", bare, "false"},
		{"event.subject == ''", bare, "guard it with has()"},
		{"event.time < timestamp('2026-01-01T00:00:00Z')", bare, "guard it with has()"},
		{"event.time < timestamp('2026-01-01T00:00:00Z')", &sdk.Event{Time: "soon"}, "soon"},

		{"event.extensions.tenant == 'acme' && event.extensions['tenant'] == 'acme'", order(), "true"},
		{"event.extensions.priority > 5 && event.extensions.sampled", order(), "true"},
		{"has(event.extensions.tenant) && !has(event.extensions.nothing)", order(), "true"},
		{"'tenant' in event.extensions", order(), "true"},
		{"'tenant' in event.extensions", bare, "false"},
		{"event.extensions.nothing == ''", order(), "no such key: nothing"},
		{"event.extensions.tenant > 5", order(), "no such overload"},
		{"event.extensions.n == 1", &sdk.Event{Extensions: []sdk.Extension{{Name: "n", Value: "x", Kind: sdk.KindInteger}}}, "extension n"},

		{"event.data.amount > 12 && event.data.amount < 13.0", order(), "true"},
		{"type(event.data.count) == int && event.data.count == 3", order(), "true"},
		{"type(event.data.big) == double", order(), "true"},
		{"event.data.urgent", order(), "true"},
		{"event.data.note == null", order(), "true"},
		{"event.data.items.size() == 2 && event.data.items[1].sku == 'b'", order(), "true"},
		{"event.data.items.exists(i, i.sku == 'b') && !event.data.items.all(i, i.sku == 'b')", order(), "true"},
		{"event.data.items == [{'sku':'a'},{'sku':'b'}]", order(), "true"},
		{"has(event.data.amount) && !has(event.data.nothing)", order(), "true"},
		{"has(event.data.nothing.below)", order(), "no such key: nothing"},
		{"event.data.nothing == 1", order(), "no such key: nothing"},
		{"event.data.customer", order(), "gave string: it must give bool"},
		{"event.data.items[2].sku == 'c'", order(), "index out of bounds"},

		{"has(event.data.amount)", bare, "false"},
		{"has(event.data.amount)", text, "false"},
		{"event.data == null && !has(event.data)", bare, "true"},
		{"event.data == null && !has(event.data)", text, "true"},
		{"event.data == null && has(event.data)", null, "true"},
		{"event.data.map(n, type(n)) == [int, double, double, int, int, double]", list, "true"},
		{"event.data[2] == 1000", list, "true"},
		{"event.data[0] == 1", &sdk.Event{Data: []byte(`[1e400]`), DataIsJSON: true}, "no double can hold"},
		{"event.data[0] == 1", &sdk.Event{Data: []byte(`[1] 2`), DataIsJSON: true}, "goes on after"},

		{"dyn(event) == 1", order(), "event is no value"},
		{"1 / int(event.data.count - 3) == 1", order(), "division by zero"},
	} {
		m, err := when(t, c.when).Match(c.e)
		got := "true"
		var failed *route.ConditionError
		switch {
		case errors.As(err, &failed):
			got = err.Error()
		case errors.Is(err, route.ErrNoRoute):
			got = "false"
		case err != nil || len(m.Routes) != 1:
			t.Fatalf("%s: %+v, %v", c.when, m, err)
		}
		if c.want != got && (failed == nil || c.want == "true" || c.want == "false" || !strings.Contains(got, c.want)) {
			t.Errorf("%s: got %s, want %s", c.when, got, c.want)
		}
	}
}

func TestConditionsAreCheckedAtLoad(t *testing.T) {
	for _, c := range []struct {
		when, want   string
		line, column int
	}{
		{"event.tpye == 'x'", `event has no attribute "tpye": it has data, datacontenttype,`, 1, 6},
		{"event.tenant == 'x'", "an extension is event.extensions.NAME", 1, 6},
		{"true &&\n  evnt.type == 'x'", "undeclared reference to 'evnt'", 2, 3},
		{"event.type == 1", "no matching overload", 1, 12},
		{"event.subject > event.time", "no matching overload", 1, 15},
		{"event.extensions[1] == 'x'", "no matching overload", 1, 17},
		{"shout(event.type)", "undeclared reference to 'shout'", 1, 6},
		{"event.type", "gives string: it must give bool", 1, 1},
		{"event", "it must give bool", 1, 1},
		{"event.time", "it must give bool", 1, 1},
		{"event.type.matches('(')", "invalid matches argument", 1, 20},
		{"event.time < timestamp('soon')", "invalid timestamp", 1, 24},
		{"event{id: 'x'} == event", "undeclared reference", 1, 6},
		{"event.type ==", "Syntax error", 1, 14},
		{" ", "Syntax error", 1, 2},
	} {
		_, err := route.New([]route.Rule{rule("one", func(r *route.Rule) { r.When = c.when })}, commands, route.Options{})
		if err == nil {
			t.Errorf("%s: was accepted", c.when)
			continue
		}
		first := faults(t, err)[0]
		if first.Key != "routes[0].when" || first.Line != c.line || first.Column != c.column || !strings.Contains(first.Error(), c.want) {
			t.Errorf("%s: got %v, want %q at %d:%d", c.when, first, c.want, c.line, c.column)
		}
	}
	for _, by := range []string{"event.time", "true", "1.5", "1u", "event.extensions", "null"} {
		_, err := route.New(nil, []route.Channel{{Name: "c", OrderBy: by}}, route.Options{})
		if err == nil || !strings.Contains(err.Error(), "must give string or int") {
			t.Errorf("order_by %s: got %v", by, err)
		}
	}
}

func TestConditionCost(t *testing.T) {
	long := order()
	long.Data = fmt.Appendf(nil, `{"items":[%s1]}`, strings.Repeat("1,", 99_999))
	short := order()
	short.Data = fmt.Appendf(nil, `{"items":[%s1]}`, strings.Repeat("1,", 999))
	const nothing = "event.data.items.exists(i, i == 2)"

	_, err := when(t, nothing).Match(long)
	var failed *route.ConditionError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "cost limit") {
		t.Errorf("walking a list of 100,000: got %v, want a ConditionError of cost", err)
	}
	if _, err := when(t, nothing).Match(short); !errors.Is(err, route.ErrNoRoute) {
		t.Errorf("walking a list of 1,000 at the default cost: got %v, want ErrNoRoute", err)
	}
	tight, err := route.New([]route.Rule{rule("one", func(r *route.Rule) { r.When = nothing })}, commands, route.Options{ConditionCost: 100})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tight.Match(short); !errors.As(err, &failed) {
		t.Errorf("walking a list of 1,000 at cost 100: got %v, want a ConditionError", err)
	}
}

func FuzzCondition(f *testing.F) {
	for _, when := range []string{
		"has(event.data.amount) && event.data.amount > 10",
		"event.data.items.exists(i, i.sku == 'b')",
		"event.extensions.tenant in ['acme', 'b'] ? event.data.urgent : false",
		"[event] == [dyn(event)]",
		"event.data.items.map(i, event.data.items.map(j, [i, j])).size() > 0",
		"type(event) == type(event.data)",
		"string(event.data) + event.type.matches('a+') == b'x'",
		"{event.data: 1}[event.data] == 1",
		"event.time - duration('1h') < timestamp(event.data.count)",
	} {
		f.Add(when, `{"amount":1}`)
	}
	f.Fuzz(func(t *testing.T, when, data string) {
		table, err := route.New(
			[]route.Rule{rule("one", func(r *route.Rule) { r.When = when }), rule("two", nil)},
			[]route.Channel{{Name: "commands", OrderBy: when}}, route.Options{ConditionCost: 1000})
		if err != nil {
			// A condition is no order key and the other way round, so try each alone.
			table, err = route.New([]route.Rule{rule("one", func(r *route.Rule) { r.When = when })}, commands, route.Options{ConditionCost: 1000})
		}
		if err != nil {
			table, err = route.New([]route.Rule{rule("one", nil)}, []route.Channel{{Name: "commands", OrderBy: when}}, route.Options{ConditionCost: 1000})
		}
		if err != nil {
			for _, fault := range faults(t, err) {
				if fault.Key != "channels[0].order_by" {
					t.Errorf("fault at %s", fault.Key)
				}
			}
			return
		}
		for _, e := range []*sdk.Event{{}, order(), {Data: []byte(data), DataIsJSON: true}} {
			_, err := table.Match(e)
			var failed *route.ConditionError
			if err != nil && !errors.Is(err, route.ErrNoRoute) && !errors.As(err, &failed) {
				t.Errorf("Match gives %T: %v", err, err)
			}
			table.Explain(e)
		}
	})
}
