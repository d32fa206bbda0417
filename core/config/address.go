package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// address is a parsed SCHEME://HOST:PORT or ipc://PATH.
type address struct {
	scheme string
	host   string     // as written, without the brackets of IPv6
	ip     netip.Addr // invalid when host is a name
	port   uint16
	path   string // of ipc
}

// parseAddress reads an address of one of the schemes. The error says what is
// wrong with text, without its name.
func parseAddress(text string, schemes ...string) (address, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found || !slices.Contains(schemes, scheme) {
		return address{}, fmt.Errorf("%q must start with %s://", text, strings.Join(schemes, ":// or "))
	}
	a := address{scheme: scheme}
	if scheme == "ipc" {
		a.path = rest
		if rest == "" || strings.ContainsRune(rest, 0) {
			return a, fmt.Errorf("%q needs a path, as in ipc:///run/headgate/commands.sock", text)
		}
		return a, nil
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil || host == "" || strings.ContainsAny(rest, "/?#@ ") {
		return a, fmt.Errorf("%q must be %s://HOST:PORT and nothing more", text, scheme)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return a, fmt.Errorf("%q has no port from 0 to 65535", text)
	}
	a.host, a.port = host, uint16(n)
	if a.ip, err = netip.ParseAddr(host); err != nil {
		return a, checkName(host)
	}
	return a, nil
}

// checkName refuses what is no host name (RFC 1123, section 2.1).
func checkName(host string) error {
	if host == "*" {
		return errors.New("* is no address: write 0.0.0.0 or [::] for every interface")
	}
	for _, label := range strings.Split(strings.TrimSuffix(host, "."), ".") {
		bad := strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
		if label == "" || len(label) > 63 || bad != "" {
			return fmt.Errorf("%q is neither an IP address nor a host name", host)
		}
	}
	return nil
}

// loopback reports whether nobody off this machine can reach the address:
// ipc, a literal of 127.0.0.0/8, or ::1. A name never counts, whatever it
// stands for today; an IPv4-mapped IPv6 address does not either.
func (a address) loopback() bool {
	if a.scheme == "ipc" || a.ip == netip.IPv6Loopback() {
		return true
	}
	return a.ip.Is4() && a.ip.As4()[0] == 127
}

// everywhere reports whether the address stands for every interface, so that
// it can be listened on but not connected to.
func (a address) everywhere() bool { return a.ip.IsValid() && a.ip.IsUnspecified() }

// clashes reports whether two sockets cannot listen on a and b at once. Port 0
// is a free port each time.
func (a address) clashes(b address) bool {
	if a.scheme == "ipc" || b.scheme == "ipc" {
		return a.scheme == b.scheme && a.path == b.path
	}
	if a.port == 0 || a.port != b.port {
		return false
	}
	return a.host == b.host || a.ip.IsValid() && a.ip == b.ip || a.everywhere() || b.everywhere()
}
