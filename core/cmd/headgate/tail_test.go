package main

import (
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
)

// TestToldLines: one a decision, and nothing in it can move a terminal's cursor.
func TestToldLines(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.Local)
	for _, c := range []struct {
		told admin.Told
		want string
	}{
		{admin.Told{Decision: &admin.Decision{At: at, What: admin.Accepted, ID: "one", Type: "a.b", Source: "//s", Channels: []string{"c", "d"}, Principal: "edge-keys:edge", Ingress: "edge", Addr: "127.0.0.1:1"}},
			"03:04:05.006 accepted  one type=a.b source=//s channel=c,d principal=edge-keys:edge ingress=edge addr=127.0.0.1:1\n"},
		{admin.Told{Decision: &admin.Decision{At: at, What: admin.Refused, Code: "unauthenticated", Reason: "key_unknown", Ingress: "edge"}},
			"03:04:05.006 refused   code=unauthenticated reason=key_unknown ingress=edge\n"},
		{admin.Told{Decision: &admin.Decision{At: at, What: admin.Delivered, ID: "a\x1b[2Jb", Channels: []string{"c"}, Attempt: 2, Payload: []byte("{\"x\":\n\"\x1b\"}")}},
			`03:04:05.006 delivered a\x1b[2Jb channel=c attempt=2` + "\n" + `    {\"x\":\n\"\x1b\"}` + "\n"},
		{admin.Told{Missed: 7}, "7 decisions missed: too many at once\n"},
	} {
		var out strings.Builder
		a := &app{streams: streams{out: &out}}
		if err := a.printTold(c.told); err != nil || out.String() != c.want {
			t.Errorf("%v\n got %q\nwant %q", err, out.String(), c.want)
		}
	}
}
