package configs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

const readme = "../README.md"

// bounded lets tables without a default show theirs.
const bounded = `
ingress = [{ name = "i", listen = "http://127.0.0.1:1" }]
channels = [{ name = "c", class = "command", listen = "ipc://c" }, { name = "t", class = "telemetry", listen = "ipc://t" }]
routes = [{ name = "all", type = ["**"], channels = ["c", "t"] }]
`

// TestReadmeListsEveryBound holds the table in README against what the
// configuration itself says.
func TestReadmeListsEveryBound(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`\| bound \| default \| of what \|\n(\|.*\n)*`)
	want := bounds(t)
	if got := table.FindAll(text, -1); len(got) != 1 {
		t.Fatalf("README has %d tables of bounds", len(got))
	} else if string(got[0]) == want {
		return
	}
	if !*update {
		t.Fatal("the table of bounds in README is not what core/config says: run go test ./configs -run Bound -update")
	}
	if err := os.WriteFile(readme, table.ReplaceAllLiteral(text, []byte(want)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// bounds is the table: every number, size, time and rate of the tables that bound
// what others can make a router hold.
func bounds(t *testing.T) string {
	t.Helper()
	c, err := config.Parse([]byte(bounded), "bounded.toml", ".", options)
	if err != nil {
		t.Fatal(err)
	}
	var root property
	if err := json.Unmarshal(config.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	out := "| bound | default | of what |\n| --- | --- | --- |\n"
	index := regexp.MustCompile(`\[\d+\]`)
	for _, section := range []string{"limits", "ingress", "channels", "journal"} {
		for _, s := range c.Effective() {
			key := index.ReplaceAllString(s.Key, "")
			if p := root.at(key); strings.HasPrefix(key, section+".") && s.Origin == "default" && p.bounds() {
				out += fmt.Sprintf("| `%s` | %s | %s |\n", key, strings.Trim(s.Value, `"`), p.Description)
			}
		}
	}
	return out
}

// property is what the schema says of a key.
type property struct {
	Description, Type, Pattern string
	Properties                 map[string]property
	Items                      *property
}

// at gives the property of a dotted key. One that says nothing has the words of the
// table that it stands in.
func (p property) at(key string) property {
	of := p
	for _, name := range strings.Split(key, ".") {
		if of.Items != nil {
			of = *of.Items
		}
		words := of.Description
		if of = of.Properties[name]; of.Description == "" {
			of.Description = words
		}
	}
	return of
}

// bounds tells a number, size, time, rate or share: what is written with digits.
func (p property) bounds() bool {
	return p.Type == "integer" || strings.Contains(p.Pattern, "[0-9")
}
