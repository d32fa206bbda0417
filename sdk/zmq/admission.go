package zmq

import (
	"fmt"
	"net"
	"slices"
	"sync"
)

// admission keeps the accepted connections of a socket within its limits.
type admission struct {
	limits Limits

	mu      sync.Mutex
	waiting []*guest // in the handshake, oldest first
	ready   int
	hosts   map[string]int // connections by hostOf
}

// guest is one accepted connection.
type guest struct {
	conn  net.Conn
	host  string // empty for ipc
	ready bool
	cut   bool // to make room for a newer one
}

func newAdmission(limits Limits) *admission {
	return &admission{limits: limits, hosts: make(map[string]int)}
}

// enter admits conn to the handshake. Overflow policy: when too many are in it,
// the oldest of the address with most of them is cut. Honest peers are through
// within a few round trips, and a crowd from one address keeps out its own.
func (a *admission) enter(conn net.Conn) (*guest, error) {
	g := &guest{conn: conn, host: hostOf(conn)}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ready >= a.limits.Peers {
		return nil, fmt.Errorf("%w: limit %d", ReasonPeers, a.limits.Peers)
	}
	if g.host != "" && a.hosts[g.host] >= a.limits.PeersPerAddress {
		return nil, fmt.Errorf("%w: limit %d", ReasonAddress, a.limits.PeersPerAddress)
	}
	if len(a.waiting) >= a.limits.Handshakes {
		a.evict()
	}
	a.waiting = append(a.waiting, g)
	if g.host != "" {
		a.hosts[g.host]++
	}
	return g, nil
}

// evict cuts the oldest connection in the handshake of the largest crowd there.
func (a *admission) evict() {
	crowds := make(map[string]int)
	largest := 0
	for _, g := range a.waiting {
		crowds[g.host]++
		largest = max(largest, crowds[g.host])
	}
	at := slices.IndexFunc(a.waiting, func(g *guest) bool { return crowds[g.host] == largest })
	oldest := a.waiting[at]
	a.waiting = slices.Delete(a.waiting, at, at+1)
	oldest.cut = true
	_ = oldest.conn.Close() // its handshake fails, which is the point
}

// pass moves g from the handshake to the peers.
func (a *admission) pass(g *guest) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.cut {
		return fmt.Errorf("%w: limit %d", ReasonHandshakes, a.limits.Handshakes)
	}
	if a.ready >= a.limits.Peers {
		return fmt.Errorf("%w: limit %d", ReasonPeers, a.limits.Peers)
	}
	a.remove(g)
	g.ready = true
	a.ready++
	return nil
}

// evicted reports whether g was cut to make room.
func (a *admission) evicted(g *guest) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return g.cut
}

// leave forgets g.
func (a *admission) leave(g *guest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.ready {
		a.ready--
	}
	a.remove(g)
	if g.host == "" {
		return
	}
	a.hosts[g.host]--
	if a.hosts[g.host] == 0 {
		delete(a.hosts, g.host)
	}
}

func (a *admission) remove(g *guest) {
	if at := slices.Index(a.waiting, g); at >= 0 {
		a.waiting = slices.Delete(a.waiting, at, at+1)
	}
}

// sitePrefix is how many bits of an IPv6 address tell one site from another:
// whoever has one address has all of its /64 (RFC 6177).
const sitePrefix = 64

// hostOf is where a connection comes from: an IPv4 address or an IPv6 /64,
// empty for ipc.
func hostOf(conn net.Conn) string {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	addr := tcp.AddrPort().Addr().Unmap()
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(sitePrefix)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}
