package config

import "strings"

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
	k.rate(&in.Rate, join(key, "rate"))
	if work := k.c.Limits.WorkBytes; in.MaxBody > work {
		k.bad(join(key, "max_body"), "%v is more than limits.work_bytes, %v", in.MaxBody, work)
	}
}

// class is http or zmq, empty for an address of neither.
func (in *Ingress) class() string {
	switch scheme, _, _ := strings.Cut(in.Listen, "://"); scheme {
	case "http", "https":
		return "http"
	case "tcp", "ipc":
		return "zmq"
	}
	return ""
}

// door checks the address and what it needs off loopback.
func (k *checker) door(in *Ingress, key string) {
	k.classKeys(in, key)
	if in.class() == "zmq" {
		if frame := k.c.Limits.FrameBytes; in.MaxBody > frame { // a body is one frame
			k.bad(join(key, "max_body"), "%v is more than limits.frame_bytes, %v", in.MaxBody, frame)
		}
		k.socket(in.socket(key))
		return
	}
	if in.TLS != nil {
		k.serverTLS(in.TLS, join(key, "tls"))
	}
	at := join(key, "listen")
	a, err := parseAddress(in.Listen, "http", "https", "tcp", "ipc")
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
