package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk"
)

// check applies the rules that no single key shows. What does not need the
// disk was read before; schemas and certificates are read here.
func check(c *Config, r *report, shipped []string) {
	k := checker{report: r, c: c, shipped: shipped}
	k.auths()
	for i := range c.Grants {
		k.grant(&c.Grants[i], item("grants", i))
	}
	for i := range c.EventKeys {
		k.eventKey(&c.EventKeys[i], item("event_keys", i))
	}
	for i := range c.Ingress {
		k.ingress(&c.Ingress[i], item("ingress", i))
	}
	k.replies()
	for i := range c.Transforms {
		k.transform(&c.Transforms[i], item("transforms", i))
	}
	for i := range c.Channels {
		k.channel(&c.Channels[i], item("channels", i))
	}
	k.lease()
	k.peers()
	for i := range c.Routes {
		k.route(&c.Routes[i], item("routes", i))
	}
	k.reached()
	k.signing()
	k.journal()
	k.audit()
	k.limits()
	k.admin()
	k.log()
	k.trace()
	if c.Data.Dir == "" {
		k.bad("data.dir", "must not be empty")
	}
}

// checker is a Config with what was found out about it so far.
type checker struct {
	*report
	c       *Config
	shipped []string // names of plugins; nil where they are not known

	listening []listening
	names     map[string]string // path of the first use, by section and name
}

type listening struct {
	address
	key string
}

// namePattern is that of every name and key id: they become labels of metrics,
// parts of paths and file names.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

const nameRule = "must be 1 to 64 letters, digits, dots, underscores and hyphens"

// name checks the name of a table and that the section has it once.
func (k *checker) name(section, name, key string) {
	if k.names == nil {
		k.names = make(map[string]string)
	}
	if !namePattern.MatchString(name) {
		k.bad(key, "%s", nameRule)
		return
	}
	if first, taken := k.names[section+" "+name]; taken {
		k.bad(key, "%q is taken already, at %s", name, k.spots.at(first))
		return
	}
	k.names[section+" "+name] = key
}

// listen notes a listen address and that no other part has it.
func (k *checker) listen(a address, key string) {
	for _, other := range k.listening {
		if a.clashes(other.address) {
			k.bad(key, "another part listens there already: %s, at %s", other.key, k.spots.at(other.key))
			return
		}
	}
	k.listening = append(k.listening, listening{a, key})
}

// globs checks the patterns of one list.
func (k *checker) globs(patterns []string, sep, key string) {
	for i, pattern := range patterns {
		if _, err := sdk.ParseGlob(pattern, sep); err != nil {
			k.bad(item(key, i), "%v", err)
		}
	}
}

// refer checks that every name of a list is one of known, and there once.
func (k *checker) refer(list []string, noun, key string, known []string) {
	for i, name := range list {
		switch {
		case !slices.Contains(known, name):
			k.hint(item(key, i), didYouMean(name, known), "unknown %s %q", noun, name)
		case slices.Contains(list[:i], name):
			k.bad(item(key, i), "%s %q is listed already", noun, name)
		}
	}
}

// classed is a table whose keys are not for each of its classes: the tag
// `class` of a field names the one that it is for.
type classed interface{ class() string }

// classes says each class in words.
var classes = map[string]string{
	"command":   `channels of class "command"`,
	"telemetry": `channels of class "telemetry"`,
	"http":      "HTTP (http:// and https://)",
	"zmq":       "ZeroMQ (tcp:// and ipc://)",
	"keys":      "an auth of keys (kind)",
	"tokens":    "an auth of tokens (plugin)",
}

// classKeys refuses keys of another class. A class that is none is a problem
// already.
func (k *checker) classKeys(table classed, key string) {
	own := table.class()
	if classes[own] == "" {
		return
	}
	for _, field := range fields(reflect.TypeOf(table).Elem()) {
		class, at := field.Tag.Get("class"), join(key, field.Tag.Get("toml"))
		if class != "" && class != own && k.spots.has(at) {
			k.bad(at, "is for %s only", classes[class])
		}
	}
}

func (k *checker) channelNames() []string {
	names := make([]string, len(k.c.Channels))
	for i := range k.c.Channels {
		names[i] = k.c.Channels[i].Name
	}
	return names
}

func (k *checker) ingressNames() []string {
	names := make([]string, len(k.c.Ingress))
	for i := range k.c.Ingress {
		names[i] = k.c.Ingress[i].Name
	}
	return names
}

func (k *checker) transformNames() []string {
	names := make([]string, len(k.c.Transforms))
	for i := range k.c.Transforms {
		names[i] = k.c.Transforms[i].Name
	}
	return names
}

func (k *checker) authNames() []string {
	names := make([]string, len(k.c.Auth))
	for i := range k.c.Auth {
		names[i] = k.c.Auth[i].Name
	}
	return names
}

// scopePattern is scope-token of RFC 6749, section 3.3.
var scopePattern = regexp.MustCompile(`^[!#-\[\]-~]{1,128}$`)

func (k *checker) scopes(list []string, key string) {
	for i, scope := range list {
		if !scopePattern.MatchString(scope) {
			k.bad(item(key, i), "must be 1 to 128 printable ASCII characters without space, quote and backslash")
		}
	}
}

func (k *checker) require(q *Require, key string) {
	k.scopes(q.Scopes, join(key, "scopes"))
	k.refer(q.Auth, "auth", join(key, "auth"), k.authNames())
}

// signing checks that the delivery key can be read by nobody else. What stands
// in it is for the signer to read.
func (k *checker) signing() {
	path, found := strings.CutPrefix(k.c.Signing.Key, "file:")
	if k.c.Signing.Key == "" {
		return
	}
	if !found || path == "" {
		k.bad("signing.key", `must be "file:PATH"`)
		return
	}
	if _, err := readPrivate(k.c.Path(path)); err != nil {
		k.bad("signing.key", "%s: %v", path, err)
	}
}
