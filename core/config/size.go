package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, never negative. In TOML it is a string of a whole
// number and a unit, as in "256B", "64KiB" or "1MB".
type Size int64

// sizeUnits stand largest first: String takes the first that divides.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12},
	{"GiB", 1 << 30}, {"GB", 1e9},
	{"MiB", 1 << 20}, {"MB", 1e6},
	{"KiB", 1 << 10}, {"kB", 1e3},
	{"B", 1},
}

// UnmarshalText reads the form that TOML has.
func (s *Size) UnmarshalText(text []byte) error {
	digits := strings.TrimRight(string(text), "BKMGTik")
	unit := string(text)[len(digits):]
	n, err := strconv.ParseUint(digits, 10, 63)
	for _, u := range sizeUnits {
		if err == nil && u.name == unit && n <= uint64(math.MaxInt64/u.bytes) {
			*s = Size(int64(n) * u.bytes)
			return nil
		}
	}
	return fmt.Errorf(`%q is no size: write a whole number with B, KiB, MiB, GiB, TiB, kB, MB, GB or TB, as in "64KiB"`, text)
}

// String gives a form that [Size.UnmarshalText] reads back.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return "0B"
}

// MarshalText gives [Size.String].
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
