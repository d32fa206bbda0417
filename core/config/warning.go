package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

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
	for _, s := range c.sockets() {
		c.warnSocket(s, warn)
	}
	c.warnReplies(warn)
	for i := range c.Peers {
		c.warnPeer(&c.Peers[i], item("peers", i), warn)
	}
	for i := range c.Transforms {
		if name := c.Transforms[i].Name; !c.runs(name) {
			warn(item("transforms", i), "no route or channel names it: transform %q never runs", name)
		}
	}
	for i := range c.Auth {
		a, at := &c.Auth[i], item("auth", i)
		if a.OfTokens() {
			c.warnTokens(a, at, warn)
			continue
		}
		if len(a.Keys) == 0 {
			warn(at, "no keys: nobody can send by it; headgate key new makes one")
		}
		for j := range a.Keys {
			c.warnKey(&a.Keys[j], item(join(at, "keys"), j), warn)
		}
	}
	for i := range c.Grants {
		c.warnGrant(&c.Grants[i], item("grants", i), warn)
	}
	c.warnAdmin(warn)
	c.warnTrace(warn)
	if len(c.Ingress) == 0 {
		warn("ingress", "none: no event comes in")
	}
	if len(c.Routes) == 0 {
		warn("routes", "none: every event is refused as no_route")
	}
	return out
}

// warnSocket warns of overrides, and of CURVE that lets nobody in.
func (c *Config) warnSocket(s socket, warn func(key, format string, args ...any)) {
	plain := "override: plain ZeroMQ off loopback; whoever reaches the address is taken for a consumer"
	if s.section == "ingress" {
		plain = "override: plain ZeroMQ off loopback; whoever sees the traffic sees events and tokens"
	}
	if s.allowPlain {
		warn(join(s.key, "allow_plain_zmq"), "%s", plain)
	}
	if s.allowPlain && s.ofGroup() && s.curve == nil {
		warn(join(s.key, "ipc_mode"), "override: 0660 without curve; whoever is in the group of the file may connect")
	}
	if s.curve != nil && s.listens() && !c.admits(s) {
		warn(join(s.key, "curve"), "admits nobody: no active peer of [[peers]] may connect")
	}
}

// warnReplies warns of consumers that come without a key and need one to reply.
func (c *Config) warnReplies(warn func(key, format string, args ...any)) {
	for i := range c.Channels {
		if ch := &c.Channels[i]; c.Replies.Curve != nil && ch.Class == "command" && ch.Curve == nil {
			warn(item("channels", i), "no curve, but [replies] has: consumers of %q need a key of [[peers]] to reply", ch.Name)
		}
	}
}

// warnPeer warns of a peer that is admitted and has nothing of it.
func (c *Config) warnPeer(p *Peer, at string, warn func(key, format string, args ...any)) {
	switch {
	case !p.Admitted():
	case len(p.Channels) == 0 && len(p.Ingress) == 0:
		warn(at, "neither channels nor ingress: peer %q can connect nowhere", p.Name)
	case len(p.Topics) == 0 && c.consumes(p, "telemetry"):
		warn(join(at, "topics"), "empty: peer %q sees nothing of its telemetry channels", p.Name)
	}
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

// warnTokens warns of tokens that would be verified and refused.
func (c *Config) warnTokens(a *Auth, at string, warn func(key, format string, args ...any)) {
	if !slices.ContainsFunc(c.Grants, func(g Grant) bool { return g.Auth == a.Name }) {
		warn(at, "no [[grants]] names it: principals of auth %q may send nothing", a.Name)
	}
	for i, issuer := range a.Issuers {
		if strings.HasPrefix(issuer, "http://") {
			warn(item(join(at, "issuers"), i), "plain HTTP: for tests on one machine")
		}
		if allowed, _ := a.Config["allow_private"].(bool); a.Path == "" && !allowed && privateHost(issuer) {
			warn(item(join(at, "issuers"), i), "a private address, which plugin %q does not ask: config = { allow_private = true } lets it", a.Plugin.Name)
		}
	}
}

// privateHost tells an issuer at an address that is not on the internet. What a name
// leads to is known when it is asked.
func privateHost(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && (addr.IsLoopback() || addr.IsPrivate())
}

// warnGrant warns of a grant that is wider than it looks.
func (c *Config) warnGrant(g *Grant, at string, warn func(key, format string, args ...any)) {
	switch m := &g.Match; {
	case len(m.Client)+len(m.Subject)+len(m.Groups) > 0 || m.When != "":
	case len(m.Issuer) > 0:
		warn(at, "match has issuers alone: everybody whom they vouch for to auth %q may send", g.Auth)
	default:
		warn(at, "no match: everybody whom auth %q proves may send", g.Auth)
	}
}
