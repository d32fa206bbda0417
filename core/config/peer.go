package config

import (
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk/curve"
)

// Admitted reports whether the peer may connect: it is active or retiring.
func (p *Peer) Admitted() bool { return p.State == "active" || p.State == "retiring" }

// admits reports whether any peer may connect to a socket with curve.
func (c *Config) admits(s socket) bool {
	for i := range c.Peers {
		p := &c.Peers[i]
		switch {
		case !p.Admitted():
		case s.section == "ingress" && slices.Contains(p.Ingress, s.name),
			s.section == "channels" && slices.Contains(p.Channels, s.name),
			s.section == "replies" && c.consumes(p, "command"):
			return true
		}
	}
	return false
}

// consumes reports whether the peer has a channel of class.
func (c *Config) consumes(p *Peer, class string) bool {
	return slices.ContainsFunc(c.Channels, func(ch Channel) bool {
		return ch.Class == class && slices.Contains(p.Channels, ch.Name)
	})
}

// peers checks [[peers]]. A key is known by one name, whatever its state: one
// that was revoked must not come back under another.
func (k *checker) peers() {
	owners := make(map[curve.Public]string)
	for i := range k.c.Peers {
		p, key := &k.c.Peers[i], item("peers", i)
		k.name("peers", p.Name, join(key, "name"))
		if owner, taken := owners[p.Curve]; taken && p.Curve != (curve.Public{}) {
			k.hint(join(key, "curve"), "make a new one for each peer", "peer %q has the same", owner)
		}
		owners[p.Curve] = p.Name
		k.peerChannels(p, join(key, "channels"))
		k.peerIngress(p, join(key, "ingress"))
		k.topics(p, join(key, "topics"))
	}
}

// peerChannels checks that the peer can connect to each of its channels, or
// reply for it.
func (k *checker) peerChannels(p *Peer, key string) {
	k.refer(p.Channels, "channel", key, k.channelNames())
	for i := range k.c.Channels {
		ch := &k.c.Channels[i]
		at := slices.Index(p.Channels, ch.Name)
		admitted := ch.Curve != nil && ch.Listen != "" || ch.Class == "command" && k.c.Replies.Curve != nil
		if at >= 0 && !admitted {
			k.hint(item(key, at), "give the channel listen and curve, or remove it here", "channel %q admits no peers: this can do nothing", ch.Name)
		}
	}
}

// peerIngress checks that the peer can connect to each of its ingresses.
func (k *checker) peerIngress(p *Peer, key string) {
	k.refer(p.Ingress, "ingress", key, k.ingressNames())
	for i := range k.c.Ingress {
		in := &k.c.Ingress[i]
		at := slices.Index(p.Ingress, in.Name)
		switch {
		case at < 0:
		case in.class() == "http":
			k.hint(item(key, at), "its clients need no entry", "ingress %q is of HTTP, not of ZeroMQ: this can do nothing", in.Name)
		case in.Curve == nil:
			k.hint(item(key, at), "give the ingress curve, or remove it here", "ingress %q admits no peers: this can do nothing", in.Name)
		}
	}
}

// topics checks the beginnings that a peer may subscribe to. A star is a glob
// by mistake, and would let the peer see nothing.
func (k *checker) topics(p *Peer, key string) {
	if len(p.Topics) > 0 && !k.c.consumes(p, "telemetry") {
		k.hint(key, "add one to its channels", "is for telemetry channels, and the peer has none")
	}
	for i, topic := range p.Topics {
		switch {
		case strings.Contains(topic, "*"):
			k.hint(item(key, i), `write "com.example.order." for all that begins with it, "" for any`, "%q is a glob: a topic is the beginning of types", topic)
		case slices.Contains(p.Topics[:i], topic):
			k.bad(item(key, i), "%q is listed already", topic)
		}
	}
}
