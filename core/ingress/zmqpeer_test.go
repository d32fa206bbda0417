package ingress_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const python = "/usr/bin/python3"

// TestLibzmqProducers sends by libzmq's own sockets, signed by another
// language's library.
func TestLibzmqProducers(t *testing.T) {
	if err := exec.Command(python, "-c", "import zmq").Run(); err != nil {
		if os.Getenv("HEADGATE_REQUIRE_PEERS") == "1" {
			t.Fatalf("python3-zmq is required here: %v", err)
		}
		t.Skip("python3-zmq is absent")
	}
	for _, kind := range []string{"DEALER", "REQ"} {
		t.Run(kind, func(t *testing.T) {
			d := openZMQ(t, nil)
			var events, want bytes.Buffer
			for n := range 20 {
				fmt.Fprintf(&events, "%s\n", order(fmt.Sprintf("order-%d", n)))
				fmt.Fprintf(&want, `{"id":"order-%d","source":"//shop.example/till","status":"queued","status_code":202}`+"\n", n)
			}
			events.Write(append(order("order-0"), '\n'))
			want.WriteString(`{"id":"order-0","source":"//shop.example/till","status":"duplicate","status_code":200}` + "\n")
			got := produce(t, kind, d.url, secret(1), &events)
			if got != want.String() {
				t.Errorf("got\n%swant\n%s", got, &want)
			}
			if st := d.store.Stats(); st.Channels["commands"].Pending != 20 {
				t.Errorf("%d are pending, want 20", st.Channels["commands"].Pending)
			}
			forged := produce(t, kind, d.url, secret(2), bytes.NewReader(append(order("forged"), '\n')))
			if !strings.Contains(forged, `"code":"unauthenticated"`) || !strings.Contains(forged, `"status_code":401`) {
				t.Errorf("a forged one gets %s", forged)
			}
		})
	}
}

func produce(t *testing.T, kind, to string, secret []byte, events interface{ Read([]byte) (int, error) }) string {
	t.Helper()
	cmd := exec.CommandContext(soon(t), python, "testdata/producer.py", kind, to, "edge-1", hex.EncodeToString(secret))
	cmd.Stdin, cmd.Stderr = events, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
