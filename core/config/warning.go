package config

import "fmt"

// Warnings lists what is allowed and yet deserves a second look: overrides of
// security rules, and parts that can do nothing. One line each, in the form
// of [Problem], for check to print.
func (c *Config) Warnings() []string {
	var out []string
	warn := func(key, format string, args ...any) {
		out = append(out, c.Problem(key, fmt.Sprintf(format, args...)).Error())
	}
	for i := range c.Ingress {
		if c.Ingress[i].AllowPlainHTTP {
			warn(join(item("ingress", i), "allow_plain_http"), "override: plain HTTP off loopback; whoever sees the traffic sees events and tokens")
		}
	}
	const plainZMQ = "override: plain ZeroMQ off loopback; whoever reaches the address is taken for a consumer"
	if c.Replies.AllowPlainZMQ {
		warn("replies.allow_plain_zmq", plainZMQ)
	}
	for i := range c.Channels {
		if c.Channels[i].AllowPlainZMQ {
			warn(join(item("channels", i), "allow_plain_zmq"), plainZMQ)
		}
	}
	for i := range c.Auth {
		a, at := &c.Auth[i], item("auth", i)
		if len(a.Keys) == 0 {
			warn(at, "no keys: nobody can send by it; headgate key new makes one")
		}
		for j := range a.Keys {
			c.warnKey(&a.Keys[j], item(join(at, "keys"), j), warn)
		}
	}
	if len(c.Ingress) == 0 {
		warn("ingress", "none: no event comes in")
	}
	if len(c.Routes) == 0 {
		warn("routes", "none: every event is refused as no_route")
	}
	return out
}

// warnKey warns of a key that may be used and may send nothing.
func (c *Config) warnKey(k *Key, at string, warn func(key, format string, args ...any)) {
	if k.State == "revoked" {
		return
	}
	if len(k.Sources) == 0 {
		warn(join(at, "sources"), "empty: key %q can send for no source", k.ID)
	}
	if len(k.Types) == 0 {
		warn(join(at, "types"), "empty: key %q can send no type", k.ID)
	}
}
