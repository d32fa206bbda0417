package config_test

import (
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

func TestEveryKeyIsDecidedOn(t *testing.T) {
	undecided, unknown := config.Undecided()
	if len(undecided) > 0 {
		t.Errorf("decisions lacks %q: does a change of it ask less or let more in, and when does it count?", undecided)
	}
	if len(unknown) > 0 {
		t.Errorf("decisions has %q, which are no keys", unknown)
	}
}
