package config

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// The lengths of a token's secret. 32 characters of hexadecimal digits have 128
// random bits, which nobody guesses.
const (
	minToken = 32
	maxToken = 1024
)

// tokenPattern is b64token of RFC 6750, section 2.1: what a Bearer header carries.
var tokenPattern = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// clientPattern is what a name in a certificate may be here.
var clientPattern = regexp.MustCompile(`^[!-~]{1,256}$`)

// admin checks [admin].
func (k *checker) admin() {
	a := &k.c.Admin
	if a.TLS != nil {
		k.serverTLS(a.TLS, "admin.tls")
	}
	if a.HTTP != "" {
		k.adminAddress(a)
	}
	for i, name := range a.Hosts {
		k.adminHost(name, item("admin.hosts", i))
	}
	k.adminTokens(a)
	for i, c := range a.Clients {
		key := join(item("admin.clients", i), "name")
		switch {
		case !clientPattern.MatchString(c.Name):
			k.bad(key, "must be 1 to 256 printable ASCII characters without space")
		case slices.ContainsFunc(a.Clients[:i], func(other AdminClient) bool { return other.Name == c.Name }):
			k.bad(key, "%q is there already", c.Name)
		case a.TLS == nil || a.TLS.ClientCA == "":
			k.hint(key, "add client_ca to [admin] tls", "nothing proves the certificate of a client")
		}
	}
}

func (k *checker) adminAddress(a *Admin) {
	at, err := parseAddress("http://"+a.HTTP, "http")
	if err != nil {
		k.hint("admin.http", `as in "127.0.0.1:8081"`, "%q must be HOST:PORT and nothing more", a.HTTP)
		return
	}
	k.listen(at, "admin.http")
	if len(a.Tokens)+len(a.Clients) > 0 && a.TLS == nil && !at.loopback() {
		hint := "add tls = { cert = .., key = .. }, or take the tokens away: health and metrics need none"
		if !at.ip.IsValid() {
			hint = "a name is never loopback; " + hint
		}
		k.hint("admin.http", hint, "tokens off loopback need tls")
	}
}

func (k *checker) adminHost(name, key string) {
	if _, err := netip.ParseAddr(name); err == nil {
		k.bad(key, "IP addresses need not be listed")
	} else if name == "*" {
		k.bad(key, "any name would let web pages in that give this address a name of their own")
	} else if err := checkName(name); err != nil {
		k.hint(key, `names alone, without port, as in "router-1.example"`, "%v", err)
	}
}

func (k *checker) adminTokens(a *Admin) {
	var env []string
	if k.c.env != nil {
		env = k.c.env()
	}
	for i := range a.Tokens {
		t, key := &a.Tokens[i], item("admin.tokens", i)
		k.name("admin.tokens", t.Name, join(key, "name"))
		if err := t.resolve(k.c.Dir, env); err != nil {
			k.bad(join(key, "secret"), "%v", err)
			continue
		}
		for _, other := range a.Tokens[:i] {
			if other.Sum == t.Sum {
				k.bad(join(key, "secret"), "is that of token %q: make one of its own", other.Name)
			}
		}
	}
}

// resolve reads the secret. Errors hold none of it.
func (t *AdminToken) resolve(dir string, env []string) error {
	text, err := resolve(t.Secret, dir, env)
	switch {
	case err != nil:
		return err
	case len(text) < minToken || len(text) > maxToken:
		return fmt.Errorf("%s: has %d characters, and must have %d to %d: openssl rand -hex 32 makes one", t.Secret, len(text), minToken, maxToken)
	case !tokenPattern.MatchString(text):
		return fmt.Errorf("%s: must be letters, digits and any of ._~+/- alone, on one line: openssl rand -hex 32 makes one", t.Secret)
	}
	t.Sum = sha256.Sum256([]byte(text))
	return nil
}

// ReadTokens reads the secrets of [[admin.tokens]] anew, by the rules of loading:
// for a router that runs while they are changed. c stays as it is. The error is
// [Problems]. What stands in variables cannot change.
func (c *Config) ReadTokens() ([]AdminToken, error) {
	fresh := *c
	fresh.Admin.Tokens = slices.Clone(c.Admin.Tokens)
	k := checker{report: &report{spots: c.spots}, c: &fresh}
	k.adminTokens(&fresh.Admin)
	return fresh.Admin.Tokens, k.err()
}

// TokenFiles lists what ReadTokens reads.
func (c *Config) TokenFiles() []string {
	var files []string
	for _, t := range c.Admin.Tokens {
		if path, found := strings.CutPrefix(t.Secret, "file:"); found {
			files = append(files, c.Path(path))
		}
	}
	return files
}

// warnAdmin warns of what [admin] has to no use, and of what others may see.
func (c *Config) warnAdmin(warn func(key, format string, args ...any)) {
	a := &c.Admin
	if a.HTTP == "" {
		if len(a.Tokens)+len(a.Clients)+len(a.Hosts) > 0 || a.TLS != nil {
			warn("admin.http", "empty: tokens, clients, hosts and tls of [admin] serve nothing")
		}
		return
	}
	if at, err := parseAddress("http://"+a.HTTP, "http"); err == nil && !at.loopback() && a.TLS == nil {
		warn("admin.http", "plain HTTP off loopback: whoever reaches it sees health and metrics")
	}
}
