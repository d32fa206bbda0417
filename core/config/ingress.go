package config

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
)

// maxDefaultKeys is how many keys are tried for a request that names none:
// each one costs every such request a MAC.
const maxDefaultKeys = 4

func (k *checker) ingress(in *Ingress, key string) {
	k.name("ingress", in.Name, join(key, "name"))
	k.door(in, key)
	for i, prefix := range in.Behind {
		if prefix.IsValid() && prefix.Bits() == 0 {
			k.hint(item(join(key, "behind"), i), "name the proxies that end TLS", "%s is everybody", prefix)
		}
	}
	k.defaultKeys(in, join(key, "default_key_ids"))
	if in.TLS != nil {
		k.certificate(in.TLS, join(key, "tls"))
	}
}

// door checks the address and what it needs off loopback.
func (k *checker) door(in *Ingress, key string) {
	at := join(key, "listen")
	if strings.HasPrefix(in.Listen, "tcp://") || strings.HasPrefix(in.Listen, "ipc://") {
		k.hint(at, "listen on http:// or https://", "ZeroMQ doors are not in this build")
		return
	}
	a, err := parseAddress(in.Listen, "http", "https")
	if err != nil {
		k.bad(at, "%v", err)
		return
	}
	k.listen(a, at)
	switch {
	case a.scheme == "https" && in.TLS == nil:
		k.hint(at, "add tls = { cert = .., key = .. }", "https:// needs tls")
	case a.scheme == "http" && in.TLS != nil:
		k.bad(at, "must start with https://, since tls is set")
	case a.scheme == "http" && !a.loopback() && len(in.Behind) == 0 && !in.AllowPlainHTTP:
		hint := "use https:// with tls, or name the proxies that end TLS with behind, or set allow_plain_http = true where the network itself is private"
		if !a.ip.IsValid() {
			hint = "a name is never loopback; " + hint
		}
		k.hint(at, hint, "plain HTTP off loopback")
	}
}

func (k *checker) defaultKeys(in *Ingress, key string) {
	if len(in.DefaultKeyIDs) > maxDefaultKeys {
		k.bad(key, "has %d keys, at most %d are tried", len(in.DefaultKeyIDs), maxDefaultKeys)
	}
	var ids []string
	for i := range k.c.Auth {
		for j := range k.c.Auth[i].Keys {
			ids = append(ids, k.c.Auth[i].Keys[j].ID)
		}
	}
	k.refer(in.DefaultKeyIDs, "key", key, ids)
}

// certificate checks that the PEM files can be read and belong together.
func (k *checker) certificate(t *TLS, key string) {
	read := func(name, path string) []byte {
		if path == "" {
			k.bad(join(key, name), "must not be empty")
			return nil
		}
		text, err := readFile(k.c.Path(path), maxFile)
		if err != nil {
			k.bad(join(key, name), "%s: %v", path, err)
		}
		return text
	}
	cert, private := read("cert", t.Cert), read("key", t.Key)
	if cert != nil && private != nil {
		if _, err := tls.X509KeyPair(cert, private); err != nil {
			k.bad(join(key, "cert"), "%s and %s: %v", t.Cert, t.Key, err)
		}
	}
	if t.ClientCA != "" {
		if ca := read("client_ca", t.ClientCA); ca != nil && !x509.NewCertPool().AppendCertsFromPEM(ca) {
			k.bad(join(key, "client_ca"), "%s: no certificate in PEM", t.ClientCA)
		}
	}
}
