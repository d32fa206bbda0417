package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Share is a part of a whole: a percentage as in "25%", or a [Size] as in
// "64MiB". Exactly one of its fields is not zero.
type Share struct {
	Percent int // 1..100
	Size    Size
}

// Of gives the share of total in bytes, at most total.
func (s Share) Of(total Size) Size {
	if s.Percent == 0 {
		return min(s.Size, total)
	}
	p := Size(s.Percent)
	return total/100*p + total%100*p/100
}

// UnmarshalText reads the form that TOML has.
func (s *Share) UnmarshalText(text []byte) error {
	if digits, found := strings.CutSuffix(string(text), "%"); found {
		n, err := strconv.ParseUint(digits, 10, 8)
		if err != nil || n < 1 || n > 100 {
			return fmt.Errorf(`%q is no share: write 1%% to 100%%, or a size as in "64MiB"`, text)
		}
		*s = Share{Percent: int(n)}
		return nil
	}
	var size Size
	if err := size.UnmarshalText(text); err != nil || size == 0 {
		return fmt.Errorf(`%q is no share: write 1%% to 100%%, or a size as in "64MiB"`, text)
	}
	*s = Share{Size: size}
	return nil
}

// String gives the form that [Share.UnmarshalText] reads back.
func (s Share) String() string {
	if s.Percent == 0 {
		return s.Size.String()
	}
	return strconv.Itoa(s.Percent) + "%"
}

// MarshalText gives [Share.String].
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
