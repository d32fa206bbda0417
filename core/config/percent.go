package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Percent is a part of a hundred, 0 to 100. In TOML it is a string of a decimal
// number and "%", as in "10%" or "0.1%".
type Percent float64

// UnmarshalText reads the form that TOML has.
func (p *Percent) UnmarshalText(text []byte) error {
	number, found := strings.CutSuffix(string(text), "%")
	n, err := strconv.ParseFloat(number, 64)
	if !found || err != nil || strings.Trim(number, "0123456789.") != "" || n > 100 {
		return fmt.Errorf(`%q is no percentage: write 0%% to 100%%, as in "10%%" or "0.1%%"`, text)
	}
	*p = Percent(n)
	return nil
}

// Fraction is the same, 0 to 1.
func (p Percent) Fraction() float64 { return float64(p) / 100 }

// String gives the form that [Percent.UnmarshalText] reads back.
func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

// MarshalText gives [Percent.String].
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
