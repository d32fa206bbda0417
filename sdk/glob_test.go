package sdk_test

import (
	"testing"

	"github.com/headgate-io/headgate/sdk"
)

func TestGlobMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, sep, s string
		want            bool
	}{
		{"com.example.order", ".", "com.example.order", true},
		{"com.example.order", ".", "com.example.orders", false},
		{"com.example.order", ".", "com.example.order.created", false},
		{"com.example.*", ".", "com.example.order", true},
		{"com.example.*", ".", "com.example", false},
		{"com.example.*", ".", "com.example.", true},
		{"com.example.*", ".", "com.example.order.created", false},
		{"com.example.**", ".", "com.example.order.created", true},
		{"com.example.**", ".", "com.example.order", true},
		{"com.example.**", ".", "com.example", false},
		{"**", ".", "anything", true},
		{"**", "/", "//shop/a", true},
		{"*", ".", "one", true},
		{"*", ".", "one.two", false},
		{"*.order", ".", "x.order", true},
		{"*.order", ".", "order", false},
		{"//shop.example/**", "/", "//shop.example/till/1", true},
		{"//shop.example/**", "/", "//shop.example/", true},
		{"//shop.example/**", "/", "//shop.example", false},
		{"//shop.example/**", "/", "//shop.example.evil/x", false},
		{"//shop.example/*", "/", "//shop.example/a/b", false},
		{"//Shop.example/*", "/", "//shop.example/a", false},
	} {
		g, err := sdk.ParseGlob(c.pattern, c.sep)
		if err != nil {
			t.Fatalf("ParseGlob(%q): %v", c.pattern, err)
		}
		if got := g.Match(c.s); got != c.want {
			t.Errorf("%q matches %q: got %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}

func TestParseGlobRefuses(t *testing.T) {
	for _, pattern := range []string{"", "**.order", "com.**.x", "com.ord*", "a*b", "***"} {
		if _, err := sdk.ParseGlob(pattern, "."); err == nil {
			t.Errorf("ParseGlob(%q) was accepted", pattern)
		}
	}
}
