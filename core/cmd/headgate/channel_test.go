package main

import (
	"regexp"
	"testing"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestChannelsThatAreGoneAreListed: with what they hold, and only if they do.
func TestChannelsThatAreGoneAreListed(t *testing.T) {
	out := new(tail)
	a := &app{streams: streams{out: out}}
	a.printChannels(&admin.Top{
		Commands: []admin.Command{{Facts: dispatch.Facts{Name: "commands", Out: 1}, Pending: 4, Held: 2, Dead: 3}},
		Outbox: outbox.Stats{Channels: map[string]outbox.ChannelStats{
			"commands": {Pending: 4}, "gone": {Pending: 7, Held: 1, Dead: 2}, "empty": {}}},
	})
	for _, want := range []string{`(?m)^commands +command +open +0 +4 +1 +2 +3 +-$`, `(?m)^gone +command +not configured +- +7 +0 +1 +2 +-$`} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("%s\nlacks %s", out, want)
		}
	}
	if regexp.MustCompile("empty").MatchString(out.String()) {
		t.Error(out.String())
	}
}
