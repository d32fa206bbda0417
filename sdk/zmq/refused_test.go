package zmq_test

import (
	"testing"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// refuse lets sockets meet that must not become peers. Both sides are told.
func refuse(t *testing.T, m maker) {
	ours, theirs, other := curve.NewSecret(), curve.NewSecret(), curve.NewSecret()
	client := func(server *curve.Secret) *zmq.Curve {
		return &zmq.Curve{Secrets: []*curve.Secret{ours}, Server: server.Public()}
	}
	server := func(admit func(curve.Public) (zmq.Admitted, error)) *zmq.Curve {
		return &zmq.Curve{Secrets: []*curve.Secret{ours}, Admit: admit}
	}
	for _, c := range []struct {
		name   string
		ours   *zmq.Curve
		theirs opening
		want   zmq.Reason
	}{
		{"NULL client", server(zmq.AdmitAny), opening{how: "connect"}, zmq.ReasonMechanism},
		{"NULL server", client(theirs), opening{how: "bind"}, zmq.ReasonMechanism},
		{"CURVE client of a NULL server", nil, opening{how: "connect", secret: theirs, server: ours.Public()}, zmq.ReasonMechanism},
		{"CURVE server of a NULL client", nil, opening{how: "bind", secret: theirs}, zmq.ReasonMechanism},
		{"client that nobody admits", server(nil), opening{how: "connect", secret: theirs, server: ours.Public()}, zmq.ReasonKey},
		{"client of another server", server(zmq.AdmitAny), opening{how: "connect", secret: theirs, server: other.Public()}, zmq.ReasonServerKey},
		{"server with another key", client(other), opening{how: "bind", secret: theirs}, zmq.ReasonEnded},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen observed
			pull := zmq.NewPull(zmq.Options{Observe: seen.add, Security: zmq.Security{Curve: c.ours}})
			c.theirs.kind, c.theirs.endpoint = "PUSH", "tcp://127.0.0.1:*"
			if c.theirs.how == "connect" {
				c.theirs.endpoint = listen(t, pull)
			}
			run(t, pull)
			s, bound, err := m.open(c.theirs)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.close(); err != nil {
					t.Error(err)
				}
			})
			if c.theirs.how == "bind" {
				connect(t, pull, bound)
			}
			await(t, "both to be told", func() bool {
				told := seen.has(zmq.Refused, c.want) || c.want == zmq.ReasonMechanism && seen.has(zmq.Refused, zmq.ReasonEnded) // libzmq may leave before its first byte
				return told && s.(*libsocket).count("HANDSHAKE_FAILED") > 0
			})
			if s.ready() || seen.has(zmq.Connected, "") {
				t.Errorf("they have met:\n%v", &seen)
			}
		})
	}
}
