package jwks

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// reach says from where an address is reached.
type reach int

const (
	nowhere  reach = iota // never connected to
	private               // within one's own network, or on one's own machine
	loopback              // on one's own machine
	public
)

// networks are those that mean something of their own, the first that holds an
// address counts (IANA's special-purpose registries; RFC 6890). What is in none
// is public.
var networks = []struct {
	prefix netip.Prefix
	reach  reach
}{
	{netip.MustParsePrefix("127.0.0.0/8"), loopback},
	{netip.MustParsePrefix("10.0.0.0/8"), private},
	{netip.MustParsePrefix("172.16.0.0/12"), private},
	{netip.MustParsePrefix("192.168.0.0/16"), private},
	{netip.MustParsePrefix("100.64.0.0/10"), private}, // of carriers, RFC 6598
	{netip.MustParsePrefix("0.0.0.0/8"), nowhere},     // Linux takes it for loopback
	{netip.MustParsePrefix("169.254.0.0/16"), nowhere},
	{netip.MustParsePrefix("192.0.0.0/24"), nowhere},
	{netip.MustParsePrefix("192.0.2.0/24"), nowhere},
	{netip.MustParsePrefix("192.88.99.0/24"), nowhere},
	{netip.MustParsePrefix("198.18.0.0/15"), nowhere},
	{netip.MustParsePrefix("198.51.100.0/24"), nowhere},
	{netip.MustParsePrefix("203.0.113.0/24"), nowhere},
	{netip.MustParsePrefix("224.0.0.0/3"), nowhere}, // multicast, and what is above

	{netip.MustParsePrefix("::1/128"), loopback},
	{netip.MustParsePrefix("fc00::/7"), private},
	{netip.MustParsePrefix("2001::/23"), nowhere}, // tunnels among them, that hide another address
	{netip.MustParsePrefix("2001:db8::/32"), nowhere},
	{netip.MustParsePrefix("2002::/16"), nowhere}, // 6to4 hides another
	{netip.MustParsePrefix("3fff::/20"), nowhere},
	{netip.MustParsePrefix("2000::/3"), public},
	{netip.MustParsePrefix("::/0"), nowhere}, // what is not assigned, and link-local
}

// translated addresses hold an IPv4 address that is reached through them (RFC
// 6052, section 2.1). Resolvers of networks without IPv4 answer with such.
var translated = netip.MustParsePrefix("64:ff9b::/96")

func reachOf(a netip.Addr) reach {
	a = a.Unmap()
	if a.Zone() != "" || !a.IsValid() {
		return nowhere
	}
	if translated.Contains(a) {
		b := a.As16()
		return reachOf(netip.AddrFrom4([4]byte(b[12:])))
	}
	for _, n := range networks {
		if n.prefix.Contains(a) {
			return n.reach
		}
	}
	return public
}

// guard refuses addresses that are not to be connected to.
type guard struct {
	private bool // private addresses, and loopback, are open
	plain   bool // no TLS: loopback alone is open
}

// check takes an address as it is dialled, after every resolution.
func (g guard) check(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q is not one: %w", address, err)
	}
	switch r := reachOf(at.Addr()); {
	case r == loopback && g.private:
		return nil
	case g.plain:
		return fmt.Errorf("address %s is not this machine: without https nothing else is asked", at.Addr())
	case r == public, r == private && g.private:
		return nil
	case r == nowhere:
		return fmt.Errorf("address %s is link-local, multicast or reserved: no issuer is asked there", at.Addr())
	}
	return fmt.Errorf("address %s is private: if the issuer is in your own network, set allow_private = true", at.Addr())
}

// checkURL reads a URL that may be asked.
func checkURL(text string, allowPrivate bool) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("is no URL") // its own error repeats the text
	case u.Host == "" || u.Opaque != "":
		return nil, errors.New("is no URL with a host, such as https://example.com/login")
	case u.User != nil:
		return nil, errors.New("has a user name in it, which is not sent")
	case strings.Contains(text, "#"):
		return nil, errors.New("has a fragment, which is not sent")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme != "http":
		return nil, fmt.Errorf("begins with %.20q: want https", u.Scheme)
	case !allowPrivate || !named(u.Hostname()):
		return nil, errors.New("is http: want https (http is for loopback addresses, with allow_private = true)")
	}
	return u, nil
}

// named tells a host that says itself to be this machine.
func named(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && reachOf(a) == loopback || host == "localhost"
}

// hostOf is a URL's host for comparison: in lower case, and without the port
// that its scheme has anyway.
func hostOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}
