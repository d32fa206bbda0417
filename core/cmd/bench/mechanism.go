package main

import (
	"fmt"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// mechanism is how the two ends of a connection know each other: by CURVE with
// the listening end's keys, or with none by NULL. The keys are made for one row
// and worth nothing after it, so processes get them as arguments.
type mechanism struct {
	secret, public string // Z85
}

func newCurve() mechanism {
	secret := curve.NewSecret()
	return mechanism{secret: secret.Reveal(), public: secret.Public().String()}
}

func (m mechanism) String() string {
	if m.secret == "" {
		return "NULL"
	}
	return "CURVE"
}

// listening adds to a process's arguments what its end needs.
func (m mechanism) listening(args ...string) []string {
	if m.secret == "" {
		return args
	}
	return append(args, m.secret)
}

// connecting does so for the other end.
func (m mechanism) connecting(args ...string) []string {
	if m.public == "" {
		return args
	}
	return append(args, m.public)
}

// listeningSecurity reads what listening has added.
func listeningSecurity(added []string) (zmq.Security, error) {
	if len(added) == 0 {
		return zmq.Security{}, nil
	}
	secret, err := curve.ParseSecret(added[0])
	if err != nil {
		return zmq.Security{}, fmt.Errorf("secret: %w", err)
	}
	return zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{secret}, Admit: zmq.AdmitAny}}, nil
}

// connectingSecurity reads what connecting has added.
func connectingSecurity(added []string) (zmq.Security, error) {
	if len(added) == 0 {
		return zmq.Security{}, nil
	}
	server, err := curve.ParsePublic(added[0])
	if err != nil {
		return zmq.Security{}, fmt.Errorf("key: %w", err)
	}
	return zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{curve.NewSecret()}, Server: server}}, nil
}
