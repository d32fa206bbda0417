package sdk_test

import (
	"testing"

	"github.com/headgate-io/headgate/sdk"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"chanels", "channels", 1}, {"enigne", "engine", 1}, {"kitten", "sitting", 3}, {"abc", "xyz", 3}, {"a", "abcdefghijklm", 9},
	} {
		if got := sdk.Distance(c.a, c.b, 9); got != c.want {
			t.Errorf("%q to %q is %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
