package trust_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

// TestMeet compares with every text of up to four segments out of those that the
// patterns are made of, and one more.
func TestMeet(t *testing.T) {
	patterns := []string{"**", "*", "a", "b", "a/**", "a/*", "*/a", "*/**", "a/b", "a/b/**", "*/b/**", "a/*/c", "a/*/*", "*/*/*/*", "a/b/c/a", "/a", "/**"}
	texts := []string{""}
	for last := texts; len(last[0]) < 7; {
		var next []string
		for _, prefix := range last {
			for _, s := range []string{"a", "b", "c", "x", ""} {
				if prefix == "" && len(last) == 1 {
					next = append(next, s)
				} else {
					next = append(next, prefix+"/"+s)
				}
			}
		}
		texts, last = append(texts, next...), next
	}
	glob := func(p string) sdk.Glob {
		g, err := sdk.ParseGlob(p, "/")
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	for _, p := range patterns {
		for _, q := range patterns {
			a, b := glob(p), glob(q)
			want := slices.ContainsFunc(texts, func(s string) bool { return a.Match(s) && b.Match(s) })
			if got := trust.Meet(a, b); got != want {
				t.Errorf("%s and %s: got %v, want %v", p, q, got, want)
			}
		}
	}
}

func TestWarnings(t *testing.T) {
	key := func(id, principal, state string, sources ...string) trust.Key {
		return trust.Key{ID: id, Principal: principal, State: state, Sources: sources, Types: []string{"com.example.**"}, Scopes: []string{"write"}}
	}
	keys := func(name string, list ...trust.Key) trust.Auth {
		return trust.Auth{Name: name, Kind: trust.KindHMAC, Keys: list}
	}
	grant := func(auth, client string, sources ...string) trust.Grant {
		return trust.Grant{Auth: auth, Clients: []string{client}, Sources: sources, Types: []string{"com.example.**"}, Scopes: []string{"read"}}
	}
	for _, c := range []struct {
		name   string
		rules  trust.Rules
		routes []trust.RouteNeeds
		want   []string // names and something of the text, for each
	}{
		{name: "nothing"},
		{name: "one principal, two keys", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "active", "//a/**"), key("k2", "p", "pending", "//a/**"))}}},
		{name: "two principals", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "active", "//a/*", "//b/x"), key("k2", "q", "active", "//b/**"))}},
			want: []string{"key k1, key k2: different principals may send for source //b/x:"}},
		{name: "many of one source", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "active", "**"), key("k2", "q", "active", "//a/*", "//b/*"), key("k3", "r", "active", "//a/*"),
			key("k4", "s", "active", "//c/*"), key("k5", "s", "active", "//c/*"), key("k6", "t", "active", "//d"), key("k7", "u", "active", "//e"), key("k8", "v", "active", "//f"))}},
			want: []string{"key k1, key k2, key k3, key k4, key k5, key k6, 2 more: different principals may send for source **:", "key k2, key k3: different principals may send for source //a/*:"}},
		{name: "two principals apart", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "active", "//a/*"), key("k2", "q", "active", "//b/*"))}}},
		{name: "one is revoked", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "revoked", "//a/*"), key("k2", "q", "active", "//a/*"))}}},
		{name: "the same name in two auths", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "active", "//a/*")), keys("f", key("k2", "p", "active", "//a/*"))}},
			want: []string{`key k1, key k2: principals of auth "e" and of auth "f" may send for source //a/*:`}},
		{name: "a key and a grant", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "active", "//a/*"))}, Grants: []trust.Grant{grant("okta", "c", "//a/b"), grant("okta", "c", "//b/b")}},
			want: []string{`key k1, grants[0]: principals of auth "e" and of auth "okta"`}},
		{name: "two grants to the same", rules: trust.Rules{Grants: []trust.Grant{grant("okta", "c", "//a/b"), grant("okta", "c", "//a/*")}}},
		{name: "two grants to different ones", rules: trust.Rules{Grants: []trust.Grant{grant("okta", "c", "//a/b"), grant("okta", "d", "//a/*")}},
			want: []string{"grants[0], grants[1]: different principals"}},

		{name: "scope that somebody has", rules: trust.Rules{Grants: []trust.Grant{grant("okta", "c", "//a/*")}},
			routes: []trust.RouteNeeds{{Name: "r", Types: []string{"com.example.x"}, Requirements: []trust.Requirement{{Scopes: []string{"read"}}}}}},
		{name: "scope of nobody", rules: trust.Rules{Grants: []trust.Grant{grant("okta", "c", "//a/*")}},
			routes: []trust.RouteNeeds{{Name: "r", Requirements: []trust.Requirement{{Scopes: []string{"write", "read"}}, {Scopes: []string{"write"}}}}},
			want:   []string{`route r: it requires scope "write"`}},
		{name: "scope of another auth", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "active", "//a/*"))}},
			routes: []trust.RouteNeeds{{Name: "r", Requirements: []trust.Requirement{{Scopes: []string{"write"}}, {Auth: []string{"okta"}}}}},
			want:   []string{`route r: it requires scope "write"`}},
		{name: "scope for another source", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "active", "//a/*"))}},
			routes: []trust.RouteNeeds{{Name: "r", Sources: []string{"//b/**"}, Requirements: []trust.Requirement{{Scopes: []string{"write"}}}}},
			want:   []string{`route r: it requires scope "write"`}},
		{name: "scope for another type", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "active", "//a/*"))}},
			routes: []trust.RouteNeeds{{Name: "r", Types: []string{"org.example.**"}, Requirements: []trust.Requirement{{Scopes: []string{"write"}}}}},
			want:   []string{`route r: it requires scope "write"`}},
		{name: "scope of a revoked key", rules: trust.Rules{Auths: []trust.Auth{keys("e", key("k1", "p", "revoked", "//a/*"))}},
			routes: []trust.RouteNeeds{{Name: "r", Requirements: []trust.Requirement{{Scopes: []string{"write"}}}}},
			want:   []string{`route r: it requires scope "write"`}},
	} {
		got := c.rules.Warnings(c.routes)
		for i, w := range got {
			line := strings.Join(w.Names, ", ") + ": " + w.Text
			if i >= len(c.want) || !strings.HasPrefix(line, c.want[i]) {
				t.Errorf("%s: %s", c.name, line)
			}
		}
		if len(got) < len(c.want) {
			t.Errorf("%s: %d warnings, want %q", c.name, len(got), c.want)
		}
	}
}

func TestWarningsAreBounded(t *testing.T) {
	a := trust.Auth{Name: "e", Kind: trust.KindHMAC}
	for n := range 1000 {
		a.Keys = append(a.Keys, trust.Key{ID: fmt.Sprint(n), Principal: fmt.Sprint(n), State: trust.StateActive, Sources: []string{fmt.Sprintf("//%d", n%120), fmt.Sprintf("//%d", n%119)}})
	}
	got := trust.Rules{Auths: []trust.Auth{a}}.Warnings(nil)
	if len(got) != 101 || !strings.Contains(got[100].Text, "more") {
		t.Errorf("%d warnings", len(got))
	}
}
