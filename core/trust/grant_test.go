package trust_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

func TestGrantsMatch(t *testing.T) {
	everybody := trust.Grant{Auth: "okta", Sources: []string{"//shop.example/**"}, Types: []string{"**"}}
	for _, c := range []struct {
		name   string
		change func(*trust.Grant)
		token  claims
		fits   bool
	}{
		{"no condition", func(*trust.Grant) {}, nil, true},
		{"its client", func(g *trust.Grant) { g.Clients = []string{"0oa9", "0oa1"} }, nil, true},
		{"another client", func(g *trust.Grant) { g.Clients = []string{"0oa9"} }, nil, false},
		{"client in other letters", func(g *trust.Grant) { g.Clients = []string{"0OA1"} }, nil, false},
		{"no client", func(g *trust.Grant) { g.Clients = []string{"0oa1"} }, claims{"cid": nil}, false},
		{"its subject", func(g *trust.Grant) { g.Subjects = []string{"user:00u1"} }, nil, true},
		{"subject without its prefix", func(g *trust.Grant) { g.Subjects = []string{"00u1"} }, nil, false},
		{"login for a subject", func(g *trust.Grant) { g.Subjects = []string{"ann@shop.example"} }, nil, false},
		{"one of its groups", func(g *trust.Grant) { g.Groups = []string{"ops", "tills"} }, claims{"groups": []string{"all", "tills"}}, true},
		{"none of its groups", func(g *trust.Grant) { g.Groups = []string{"ops"} }, claims{"groups": []string{"all", "tills"}}, false},
		{"no groups", func(g *trust.Grant) { g.Groups = []string{"ops"} }, nil, false},
		{"client and group", func(g *trust.Grant) { g.Clients = []string{"0oa1"}; g.Groups = []string{"ops"} }, claims{"groups": []string{"ops"}}, true},
		{"client, not the group", func(g *trust.Grant) { g.Clients = []string{"0oa1"}; g.Groups = []string{"ops"} }, claims{"groups": []string{}}, false},
		{"group, not the client", func(g *trust.Grant) { g.Clients = []string{"0oa2"}; g.Groups = []string{"ops"} }, claims{"groups": []string{"ops"}}, false},
		{"condition", func(g *trust.Grant) { g.When = `token.sub.endsWith("@shop.example")` }, nil, true},
		{"condition that does not hold", func(g *trust.Grant) { g.When = `token.sub == "bob"` }, nil, false},
		{"condition over a number", func(g *trust.Grant) { g.When = `token.level >= 3 && token.level < 10` }, claims{"level": 3}, true},
		{"condition over a fraction", func(g *trust.Grant) { g.When = `token.level > 2.4 && token.list[1].n == 7` }, claims{"level": 2.5, "list": []any{1, claims{"n": 7}}}, true},
		{"condition over a claim that is absent", func(g *trust.Grant) { g.When = `token.level == 3` }, nil, false},
		{"the same, guarded", func(g *trust.Grant) { g.When = `!has(token.level) || token.level == 3` }, nil, true},
		{"negated claim that is absent", func(g *trust.Grant) { g.When = `!token.suspended` }, nil, false},
		{"condition of another type", func(g *trust.Grant) { g.When = `token.sub` }, nil, false},
		{"condition, not the client", func(g *trust.Grant) { g.When = `true`; g.Clients = []string{"0oa9"} }, nil, false},
		{"condition that costs too much", func(g *trust.Grant) {
			g.When = `token.l.all(a, token.l.all(b, token.l.all(c, a + b + c >= 0)))`
		}, claims{"l": slices.Repeat([]int{1}, 200)}, false},
		{"another auth's", func(g *trust.Grant) { g.Auth = "sts" }, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := everybody
			c.change(&g)
			h := newHouse(t, func(r *trust.Rules) { r.Grants = []trust.Grant{g} })
			text := signed(t, "k1", 31, good(c.token))
			id := mustAuthenticate(t, h.Snapshot, shown(text))
			e := order(t, "//shop.example/till/1", "")
			err := h.Authorize(id, id.Proof, &e, nil)
			if got := h.Fitting("okta", supposed(t, text)); (len(got) > 0) != c.fits {
				t.Errorf("explained to fit %v", got)
			}
			if c.fits {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantRefusal(t, err, trust.CodeForbidden, trust.ReasonNoGrant)
		})
	}
}

// supposed reads a token of staff as one who explains it does.
func supposed(t *testing.T, text string) *jwt.Token {
	t.Helper()
	read, err := jwt.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	i := issuer(t, staff, nil)
	token, err := jwt.Suppose(jwt.Policy{Issuer: staff, Audiences: []string{audience}, Algs: []string{"EdDSA"}, MaxLifetime: i.MaxLifetime, Rules: i.Rules}, read, now)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// A condition without an answer is told apart from one that says no.
func TestConditionFaultsAreReported(t *testing.T) {
	grant := func(when string, types ...string) trust.Grant {
		return trust.Grant{Auth: "okta", When: when, Sources: []string{"//shop.example/**"}, Types: types}
	}
	h := newHouse(t, func(r *trust.Rules) {
		r.Grants = []trust.Grant{grant(`token.absent == 1`, "**"), grant(`false`, "**"), grant(`token.sub > 3`, "**"), grant(`true`, "other")}
	})
	id := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(nil))))
	e := order(t, "//shop.example/1", "")
	r := wantRefusal(t, h.Authorize(id, id.Proof, &e, nil), trust.CodeForbidden, trust.ReasonTypeNotGranted)
	want := []trust.Verdict{{"grants[0]", trust.ReasonConditionFailed}, {"grants[2]", trust.ReasonConditionFailed}}
	if !slices.Equal(r.Verdicts, want) {
		t.Errorf("got %v", r.Verdicts)
	}
}

// The rights of one grant are a unit, and so are those of one key.
func TestGrantsAreUnits(t *testing.T) {
	h := newHouse(t, func(r *trust.Rules) {
		r.Grants = []trust.Grant{
			{Auth: "okta", Sources: []string{"//shop.example/**"}, Types: []string{"com.example.order.*"}, Scopes: []string{"orders:write"}},
			{Auth: "okta", Sources: []string{"//bank.example/**"}, Types: []string{"com.example.payment.*"}, Scopes: []string{"pay", "orders:read"}},
			{Auth: "okta", Sources: []string{"//shop.example/till/*"}, Types: []string{"com.example.**"}, Scopes: []string{"orders:read"}},
		}
	})
	id := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(claims{"scp": []string{"orders:write", "orders:read", "pay"}}))))
	scopes := func(list ...string) []trust.Requirement { return []trust.Requirement{{Scopes: list}} }
	for _, c := range []struct {
		name, source, typ string
		reqs              []trust.Requirement
		reason            string // empty: taken
	}{
		{"first", "//shop.example/1", "com.example.order.created", scopes("orders:write"), ""},
		{"second", "//bank.example/1", "com.example.payment.made", scopes("pay", "orders:read"), ""},
		{"source of one, type of another", "//shop.example/1", "com.example.payment.made", nil, trust.ReasonTypeNotGranted},
		{"source of another, type of one", "//bank.example/1", "com.example.order.created", nil, trust.ReasonTypeNotGranted},
		{"scope of a grant for another source", "//shop.example/1", "com.example.order.created", scopes("pay"), trust.ReasonScopeMissing},
		{"scopes of two grants", "//shop.example/till/1", "com.example.order.created", scopes("orders:write", "orders:read"), trust.ReasonScopeMissing},
		{"scope of one grant, and of another for the next route", "//shop.example/till/1", "com.example.order.created",
			append(scopes("orders:write"), scopes("orders:read")...), ""},
		{"nobody's source", "//x", "com.example.order.created", nil, trust.ReasonSourceNotGranted},
	} {
		err := h.Authorize(id, id.Proof, &sdk.Event{Source: c.source, Type: c.typ}, c.reqs)
		if c.reason == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		t.Run(c.name, func(t *testing.T) { wantRefusal(t, err, trust.CodeForbidden, c.reason) })
	}
}

func TestScopesAreThoseOfGrantAndToken(t *testing.T) {
	grant := trust.Grant{Auth: "okta", Sources: []string{"**"}, Types: []string{"**"}, Scopes: []string{"a", "b"}}
	for _, c := range []struct {
		name    string
		token   any
		carries bool // the issuer's tokens carry scopes
		asks    []string
		taken   bool
	}{
		{"both", []string{"a", "b", "c"}, true, []string{"a", "b"}, true},
		{"the token's alone", []string{"c"}, true, []string{"c"}, false},
		{"the grant's alone", []string{"c"}, true, []string{"a"}, false},
		{"one of two", []string{"a"}, true, []string{"a", "b"}, false},
		{"a token without", nil, true, []string{"a"}, false},
		{"no scopes asked for", nil, true, nil, true},
		{"tokens that carry none", nil, false, []string{"a"}, true},
		{"tokens that carry none, scope of nobody", nil, false, []string{"c"}, false},
		{"a claim that counts for nothing", []string{"c"}, false, []string{"c"}, false},
	} {
		h := newHouse(t, func(r *trust.Rules) { r.Grants = []trust.Grant{grant} })
		i := issuer(t, staff, map[string]byte{"k1": 31})
		if !c.carries {
			i.Rules.Scopes = ""
		}
		take(t, h.okta, 1, bundle(2, i, issuer(t, devices, map[string]byte{"k1": 32})), now)
		id := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(claims{"scp": c.token}))))
		err := h.Authorize(id, id.Proof, &sdk.Event{Source: "//s", Type: "t"}, []trust.Requirement{{Scopes: c.asks}})
		if (err == nil) != c.taken {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// V77
func TestTokenOfOneSourceSendsNoOther(t *testing.T) {
	h := newHouse(t)
	id := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(nil))))
	wantRefusal(t, h.Authorize(id, id.Proof, &sdk.Event{Source: "//bank.example/1", Type: "com.example.order.created"}, nil), trust.CodeForbidden, trust.ReasonSourceNotGranted)
}

// The rights of a token are those of the snapshot that is asked.
func TestTokenByTheLaterSnapshot(t *testing.T) {
	h := newHouse(t)
	id := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(nil))))
	e := order(t, "//shop.example/1", "")
	if err := h.again(t).Authorize(id, id.Proof, &e, nil); err != nil {
		t.Error(err)
	}
	h.rules.Grants = h.rules.Grants[1:]
	wantRefusal(t, h.again(t).Authorize(id, id.Proof, &e, nil), trust.CodeForbidden, trust.ReasonNoGrant)
	h.rules.Authorities = h.rules.Authorities[1:]
	wantRefusal(t, h.again(t).Authorize(id, id.Proof, &e, nil), trust.CodeUnauthenticated, trust.ReasonIssuerUnknown)
	wantRefusal(t, snapshot(t).Authorize(id, id.Proof, &e, nil), trust.CodeUnauthenticated, trust.ReasonIssuerUnknown)
	other := newHouse(t)
	other.okta = authority(t, "renamed", staff)
	other.rules.Authorities[0], other.rules.Grants = other.okta, nil
	wantRefusal(t, other.again(t).Authorize(id, id.Proof, &e, nil), trust.CodeUnauthenticated, trust.ReasonIssuerUnknown)
}

func TestRulesRefuse(t *testing.T) {
	good := trust.Grant{Auth: "okta", Sources: []string{"**"}, Types: []string{"**"}}
	grant := func(change func(*trust.Grant)) func(*trust.Rules) {
		return func(r *trust.Rules) {
			g := good
			change(&g)
			r.Grants = []trust.Grant{good, g}
		}
	}
	key := func(change func(*trust.EventKey)) func(*trust.Rules) {
		return func(r *trust.Rules) {
			k := trust.EventKey{ID: "shop-1", Source: "//shop.example/**", State: trust.StateActive, Public: private(50).Public()}
			change(&k)
			r.EventKeys = append(r.EventKeys, k)
		}
	}
	for _, c := range []struct {
		say    string
		place  string // of a CompileError
		change func(*trust.Rules)
	}{
		{`auth "x" is none of tokens`, "grants[1].auth", grant(func(g *trust.Grant) { g.Auth = "x" })},
		{`auth "edge-keys" is none of tokens`, "grants[1].auth", grant(func(g *trust.Grant) { g.Auth = "edge-keys" })},
		{"both needed", "grants[1]", grant(func(g *trust.Grant) { g.Sources = nil })},
		{"both needed", "grants[1]", grant(func(g *trust.Grant) { g.Types = nil })},
		{"is empty", "grants[1].match", grant(func(g *trust.Grant) { g.Clients = []string{""} })},
		{"is empty", "grants[1].match", grant(func(g *trust.Grant) { g.Groups = []string{"a", ""} })},
		{"scope is empty", "grants[1]", grant(func(g *trust.Grant) { g.Scopes = []string{""} })},
		{"sources: glob", "grants[1]", grant(func(g *trust.Grant) { g.Sources = []string{"a*"} })},
		{"types: glob", "grants[1]", grant(func(g *trust.Grant) { g.Types = []string{"**.a"} })},
		{"line 1, column 10", "grants[1].match.when", grant(func(g *trust.Grant) { g.When = "true &&  event.id" })},
		{"must give bool", "grants[1].match.when", grant(func(g *trust.Grant) { g.When = "1 + 1" })},
		{"Syntax error", "grants[1].match.when", grant(func(g *trust.Grant) { g.When = "token." })},
		{"used twice", "", func(r *trust.Rules) { r.Authorities = append(r.Authorities, authority(t, "okta", "https://x.example")) }},
		{"used twice", "", func(r *trust.Rules) {
			r.Authorities = append(r.Authorities, authority(t, "edge-keys", "https://x.example"))
		}},
		{"belongs to auth \"okta\" already", "", func(r *trust.Rules) { r.Authorities = append(r.Authorities, authority(t, "third", staff)) }},
		{"it is empty", "event_keys[0].id", key(func(k *trust.EventKey) { k.ID = "" })},
		{"glob", "event_keys[0].source", key(func(k *trust.EventKey) { k.Source = "" })},
		{`state "on"`, "event_keys[0].state", key(func(k *trust.EventKey) { k.State = "on" })},
		{"is P-256 (ES256) or Ed25519", "event_keys[0].public", key(func(k *trust.EventKey) { k.Public = nil })},
		{"is P-256 (ES256) or Ed25519", "event_keys[0].public", key(func(k *trust.EventKey) { k.Public = private(50) })},
		{"is taken", "event_keys[1].id", func(r *trust.Rules) {
			key(func(k *trust.EventKey) { k.State = trust.StateRevoked })(r)
			key(func(*trust.EventKey) {})(r)
		}},
		{"16 other keys", "event_keys[16].source", func(r *trust.Rules) {
			for n := range 17 {
				key(func(k *trust.EventKey) {
					k.ID = string(rune('a' + n))
					if n%2 == 1 {
						k.Source = "//shop.example/*"
					}
				})(r)
			}
		}},
	} {
		h := &house{okta: authority(t, "okta", staff, devices), sts: authority(t, "sts", account)}
		r := trust.Rules{Auths: []trust.Auth{{Name: "edge-keys", Kind: trust.KindHMAC}}, Authorities: []*trust.Authority{h.okta, h.sts}}
		c.change(&r)
		s, err := trust.New(r)
		if err == nil || s != nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: got %v", c.say, err)
			continue
		}
		var at *trust.CompileError
		if c.place != "" && (!errors.As(err, &at) || at.Key != c.place) {
			t.Errorf("%s: it is placed at %+v", c.say, at)
		}
	}
}
