package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time, never negative. In TOML it is a string of
// numbers with units, as in "30s", "1h30m" or "7d"; a day is 24 hours.
type Duration time.Duration

const day = 24 * time.Hour

// UnmarshalText reads the form that TOML has.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	bad := fmt.Errorf(`%q is no duration: write a number with its unit, as in "30s", "1h30m" or "7d"`, s)
	if close := strings.Join(strings.Fields(s), ""); close != s && new(Duration).UnmarshalText([]byte(close)) == nil {
		return fmt.Errorf("%q is no duration: write it without a space, as in %q", s, close)
	}
	if s == "" || s[0] < '0' || s[0] > '9' {
		return bad
	}
	var total time.Duration
	if count, rest, found := strings.Cut(s, "d"); found {
		n, err := strconv.ParseUint(count, 10, 32)
		if err != nil || n > uint64(1<<63-1)/uint64(day) {
			return bad
		}
		total, s = time.Duration(n)*day, rest
	}
	if s != "" {
		if s[0] < '0' || s[0] > '9' {
			return bad
		}
		part, err := time.ParseDuration(s)
		if err != nil || total+part < total {
			return bad
		}
		total += part
	}
	*d = Duration(total)
	return nil
}

// String gives the shortest form that [Duration.UnmarshalText] reads back.
// Days begin at two: people write "24h" and "7d".
func (d Duration) String() string {
	t := time.Duration(d)
	if t == 0 {
		return "0s"
	}
	var b strings.Builder
	if t >= 2*day {
		fmt.Fprintf(&b, "%dd", t/day)
		t %= day
	}
	if t == 0 {
		return b.String()
	}
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	b.WriteString(s)
	return b.String()
}

// MarshalText gives [Duration.String].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
