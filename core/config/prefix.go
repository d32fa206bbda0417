package config

import (
	"fmt"
	"net/netip"
)

// Prefix is a range of addresses. In TOML it is a string in CIDR form, as in
// "10.0.0.0/8" or "fd00::/8".
type Prefix struct{ netip.Prefix }

// UnmarshalText reads the form that TOML has. Bits beyond the length, which
// netip lets pass, are refused: they tell that something else was meant.
func (p *Prefix) UnmarshalText(text []byte) error {
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf(`%q is no range of addresses: write one as in "10.0.0.0/8"`, text)
	}
	if prefix != prefix.Masked() {
		return fmt.Errorf("%s has bits beyond its length: write %s", prefix, prefix.Masked())
	}
	p.Prefix = prefix
	return nil
}
