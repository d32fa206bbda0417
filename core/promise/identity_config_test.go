package promise_test

import (
	"encoding/json"
	"fmt"
)

// tokens is an [[auth]] of tokens, with the grants of its clients.
type tokens struct {
	name, plugin string
	issuers      []string
	alg          string
	more         string // keys of the [[auth]]
	config       string // keys of its [auth.config], besides allow_private
	clients      []string
}

func (a tokens) String() string {
	return fmt.Sprintf(`
[[auth]]
name = %q
plugin = %q
issuers = %s
audiences = [%q]
algs = [%q]
%s
[auth.config]
allow_private = true
%s
[[grants]]
auth = %q
match = { issuer = %s, client = %s }
sources = ["//shop.example/**"]
types = ["com.example.order.*", "com.example.note"]
scopes = ["orders:write"]
`, a.name, a.plugin, list(a.issuers), audience, a.alg, a.more, a.config, a.name, list(a.issuers), list(a.clients))
}

// ofNode is the [[auth]] of a provider in Node, as it is by default.
func ofNode(name string, p *idp) tokens {
	return tokens{name: name, plugin: "oidc", issuers: []string{p.issuer}, alg: "ES256", clients: []string{edgeClient}}
}

// ofZitadel is the [[auth]] of the other one, whose tokens are of type JWT and
// say no scopes.
func ofZitadel(name string, p *idp) tokens {
	return tokens{name: name, plugin: "oidc", issuers: []string{p.issuer}, alg: "RS256", clients: []string{zitadelClient},
		config: "types = [\"jwt\"]\nrequire = { \"/client_id\" = [] }"}
}

// list is an array of strings in TOML, as in JSON.
func list(values []string) string {
	b, err := json.Marshal(values)
	if err != nil {
		panic(err) // strings
	}
	return string(b)
}

// identityRoutes asks for a scope of orders, and for none of notes.
const identityRoutes = `
[[ingress]]
name = "direct"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "orders"
type = ["com.example.order.*"]
require = { scopes = ["orders:write"] }
channels = ["orders"]
[[routes]]
name = "notes"
type = ["com.example.note"]
channels = ["orders"]
[[routes]]
name = "others"
type = ["com.example.other"]
channels = ["orders"]
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
`

// note is an event that needs no scope.
func note(id string) []byte { return order("note", id, "") }
