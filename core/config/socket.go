package config

import "slices"

// socket is what every ZeroMQ socket has, whichever table it is written in.
type socket struct {
	section string // channels, replies or ingress
	name    string // empty for replies
	key     string // its table, as in channels[0]

	listen     string
	connect    []string // nil for one that listens
	curve      *Curve
	tls        *TLS
	ipcMode    string
	allowPlain bool
}

// sockets lists all of them: ingresses, replies, channels.
func (c *Config) sockets() []socket {
	var out []socket
	for i := range c.Ingress {
		if in := &c.Ingress[i]; in.class() == "zmq" {
			out = append(out, in.socket(item("ingress", i)))
		}
	}
	out = append(out, c.Replies.socket())
	for i := range c.Channels {
		out = append(out, c.Channels[i].socket(item("channels", i)))
	}
	return out
}

func (in *Ingress) socket(key string) socket {
	return socket{section: "ingress", name: in.Name, key: key, listen: in.Listen,
		curve: in.Curve, tls: in.TLS, ipcMode: in.IPCMode, allowPlain: in.AllowPlainZMQ}
}

func (r *Replies) socket() socket {
	return socket{section: "replies", key: "replies", listen: r.Listen,
		curve: r.Curve, tls: r.TLS, ipcMode: r.IPCMode, allowPlain: r.AllowPlainZMQ}
}

func (ch *Channel) socket(key string) socket {
	return socket{section: "channels", name: ch.Name, key: key, listen: ch.Listen, connect: ch.Connect,
		curve: ch.Curve, tls: ch.TLS, ipcMode: ch.IPCMode, allowPlain: ch.AllowPlainZMQ}
}

func (s socket) listens() bool { return s.connect == nil }

// ofGroup reports whether more than its owner can reach an ipc socket.
func (s socket) ofGroup() bool { return s.ipcMode == "0660" }

// socket checks the addresses of a socket, its security, and that this is
// enough for who can reach it.
func (k *checker) socket(s socket) {
	if s.curve != nil && s.tls != nil {
		k.bad(join(s.key, "tls"), "a socket has curve or tls: one of the two")
	}
	if s.curve != nil {
		k.curve(s)
	}
	if s.tls != nil && s.listens() {
		k.serverTLS(s.tls, join(s.key, "tls"))
	} else if s.tls != nil {
		k.clientTLS(s.tls, join(s.key, "tls"))
	}
	if s.listens() {
		k.listenSocket(s)
	} else {
		k.connectSocket(s)
	}
}

func (k *checker) listenSocket(s socket) {
	at, mode := join(s.key, "listen"), join(s.key, "ipc_mode")
	a, err := parseAddress(s.listen, "tcp", "ipc")
	if err != nil {
		k.bad(at, "%v", err)
		return
	}
	if a.scheme != "ipc" && k.spots.has(mode) {
		k.bad(mode, `is for listen = "ipc://PATH" only`)
	}
	k.listen(a, at)
	k.reachable(a, s, at)
}

func (k *checker) connectSocket(s socket) {
	key, mode := join(s.key, "connect"), join(s.key, "ipc_mode")
	if k.spots.has(mode) {
		k.bad(mode, `is for listen = "ipc://PATH" only`)
	}
	if len(s.connect) == 0 {
		k.bad(key, "must name at least one consumer's address")
	}
	for i, text := range s.connect {
		at := item(key, i)
		a, err := parseAddress(text, "tcp", "ipc")
		switch {
		case err != nil:
			k.bad(at, "%v", err)
		case a.everywhere() || a.scheme == "tcp" && a.port == 0:
			k.bad(at, "nobody can connect to %s", text)
		case slices.Contains(s.connect[:i], text):
			k.bad(at, "%s is listed already", text)
		default:
			k.reachable(a, s, at)
		}
	}
}

// reachable checks an address, written at, against what a socket needs that
// others than its owner can reach.
func (k *checker) reachable(a address, s socket, at string) {
	switch {
	case a.scheme == "ipc" && s.tls != nil:
		k.hint(join(s.key, "tls"), "leave it out, or use curve", "is for tcp:// only")
	case s.allowPlain || s.curve != nil:
	case a.scheme == "ipc" && s.listens() && s.ofGroup():
		k.hint(join(s.key, "ipc_mode"), "add curve, or keep it at 0600, or set allow_plain_zmq = true where the whole group may connect",
			"0660 lets in whoever is in the group of the file, unproven")
	case a.loopback():
	case s.tls == nil:
		k.plain(a, s, at)
	case s.section == "ingress": // each event is signed: that the router is proven is enough
	case s.listens() && s.tls.ClientCA == "":
		k.hint(join(s.key, "tls"), "add client_ca, or use curve", "without client_ca whoever reaches the address is taken for a consumer")
	case !s.listens() && s.tls.Cert == "":
		k.hint(join(s.key, "tls"), "add cert and key, or use curve", "without cert consumers cannot tell the router from anybody else")
	}
}

// plain refuses a socket off loopback that has neither curve nor tls.
func (k *checker) plain(a address, s socket, at string) {
	add, text := "add curve, or tls with client_ca, ", "ZeroMQ off loopback would be neither encrypted nor authenticated"
	switch {
	case s.section == "ingress":
		add, text = "add curve or tls, ", "ZeroMQ off loopback would not be encrypted"
	case !s.listens():
		add = "add curve, or tls with cert and key, "
	}
	hint := add + "or use a loopback address or ipc://, or set allow_plain_zmq = true where the network itself is private"
	if !a.ip.IsValid() {
		hint = "a name is never loopback; " + hint
	}
	k.hint(at, hint, "%s", text)
}
