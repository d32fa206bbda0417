package config

import "fmt"

// Crowded finds the addresses that a router which runs as was cannot come to in one
// step: they cannot be open beside one that is open now, as 0.0.0.0:5555 beside
// 127.0.0.1:5555. The very same address one may leave and another take.
func (c *Config) Crowded(was *Config) (found Problems) {
	held := was.places()
	for _, to := range c.places() {
		for _, at := range held {
			if !to.clashes(at.address) || to.succeeds(at) {
				continue
			}
			p := c.Problem(to.key, fmt.Sprintf("%q cannot be opened before %q is closed, where %s listens now", to.text, at.text, at.of))
			p.Hint = fmt.Sprintf("do it in two reloads: first have %s listen at another port, or take it out; then write this", at.of)
			found = append(found, p)
		}
	}
	found.sort()
	return found
}

// place is where an ingress or a channel listens.
type place struct {
	address
	text, key, of string
}

// succeeds tells that what listens at one can go on at the other: it is the same,
// and of the same kind.
func (p place) succeeds(at place) bool {
	if p.web() != at.web() {
		return false
	}
	return p.host == at.host && p.path == at.path
}

func (p place) web() bool { return p.scheme == "http" || p.scheme == "https" }

// places are those that a reload may change. What is no address has none.
func (c *Config) places() (out []place) {
	add := func(section, name, key, listen string) {
		if a, err := parseAddress(listen, "http", "https", "tcp", "ipc"); err == nil {
			out = append(out, place{a, listen, join(key, "listen"), KeyOf(section, name)})
		}
	}
	for i, in := range c.Ingress {
		add("ingress", in.Name, item("ingress", i), in.Listen)
	}
	for i, ch := range c.Channels {
		add("channels", ch.Name, item("channels", i), ch.Listen)
	}
	return out
}
