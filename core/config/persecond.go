package config

import (
	"fmt"
	"strconv"
	"strings"
)

// PerSecond is a rate, never negative. In TOML it is a string of a decimal
// number and "/s", as in "1000/s" or "0.5/s".
type PerSecond float64

// UnmarshalText reads the form that TOML has.
func (p *PerSecond) UnmarshalText(text []byte) error {
	number, found := strings.CutSuffix(string(text), "/s")
	n, err := strconv.ParseFloat(number, 64)
	if !found || err != nil || strings.Trim(number, "0123456789.") != "" {
		return fmt.Errorf(`%q is no rate: write a number and /s, as in "1000/s"`, text)
	}
	*p = PerSecond(n)
	return nil
}

// String gives the form that [PerSecond.UnmarshalText] reads back.
func (p PerSecond) String() string {
	return strconv.FormatFloat(float64(p), 'f', -1, 64) + "/s"
}

// MarshalText gives [PerSecond.String].
func (p PerSecond) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
