package route_test

import (
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/route"
)

func TestNewNamesEveryFault(t *testing.T) {
	_, err := route.New([]route.Rule{
		{Name: "a", Types: []string{"com.*.x", "com.or*"}, Sources: []string{"//shop/**", "a**"}, Channels: []string{"commands"}},
		{Name: "a", Types: []string{"**"}, When: "event.tpye == 'x' && evnt.id == 'y'", Channels: []string{"commands", "nowhere"}},
		{Name: "c", Schema: []byte(`{"type":"objekt"}`)},
		{Name: "d", Types: []string{"**"}, Schema: []byte(`{`), Channels: []string{"commands"}},
	}, []route.Channel{
		{Name: "commands", OrderBy: "1.5"},
		{Name: "commands"},
	}, route.Options{})
	want := []string{
		"channels[0].order_by", "channels[1].name",
		"routes[0].type[1]", "routes[0].source[1]",
		"routes[1].name", "routes[1].when", "routes[1].when", "routes[1].channels[1]",
		"routes[2].type", "routes[2].schema", "routes[2].channels",
		"routes[3].schema",
	}
	var got []string
	for _, fault := range faults(t, err) {
		got = append(got, fault.Key)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("faults at\n%s\nwant\n%s\n\n%v", strings.Join(got, "\n"), strings.Join(want, "\n"), err)
	}
}

func TestTableKeepsNothingOfItsCaller(t *testing.T) {
	scopes := []string{"orders:write"}
	table := build(t, []route.Rule{rule("one", func(r *route.Rule) { r.Scopes = scopes })}, commands)
	scopes[0] = "anything"
	m, err := table.Match(order())
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Routes[0].Requirements[0].Scopes[0]; got != "orders:write" {
		t.Errorf("scope became %q", got)
	}
}
