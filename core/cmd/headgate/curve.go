package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// newCurve makes a CURVE key: NAME.curve holds the secret, and what others need
// is printed. On top of a file it becomes the newest of the keys there.
func (a *app) newCurve(name, out string, top bool) error {
	if out == "" {
		out = name + ".curve"
	}
	secret := newSecret()
	var older []*curve.Secret
	if top {
		var err error
		if older, err = config.ReadSecrets(out); err != nil {
			return fmt.Errorf("older keys: %w", err)
		}
		if len(older) >= config.MaxSecrets {
			return fmt.Errorf("%s has %s, as many as a socket may: take the last line out, and every peer that still pins it has to change over", out, count(len(older), "key"))
		}
	}
	err := config.WriteSecrets(out, append([]*curve.Secret{secret}, older...), top)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: choose another --out, or put the new key on top of it with --on-top", out)
	}
	if err != nil {
		return err
	}
	a.printf("%s\n", secret.Public())
	fmt.Fprintf(a.err, "Written: %s (secret: it stays with its owner). Above is the public key.\n", out)
	if top {
		fmt.Fprintf(a.err, "Where a running router listens it answers to it within seconds, and to the %s below it as well; where it connects it uses the new one alone.\nWhen every peer pins the new key, take the last line out.\n", count(len(older), "key"))
		return nil
	}
	fmt.Fprintf(a.err, `A socket of the router has it by:   curve = { secret = "file:%s" }
A peer that has it is let in by:    [[peers]]
                                    name = %q
                                    curve = %q
                                    channels = ["NAME"]       # to consume, with topics = [".."] of telemetry
                                    ingress = ["NAME"]        # to send
`, out, name, secret.Public())
	return nil
}

// securing is how a command secures its ZeroMQ connections.
type securing struct {
	server, key           string // of CURVE
	ca, clientCert, clKey string // of TLS
	tls                   bool
}

func (s *securing) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.server, "curve-server", "", "CURVE: public `key` of the router, in Z85; when empty, what the configuration says of an address that was taken from it")
	f.StringVar(&s.key, "curve-key", "", "CURVE: `file` of the own secret key, as headgate key new --curve writes it")
	f.BoolVar(&s.tls, "tls", false, "ZeroMQ: TLS towards the router; implied by --ca and --client-cert")
	f.StringVar(&s.ca, "ca", "", "TLS: PEM `file` of the CA that the router's certificate comes from")
	f.StringVar(&s.clientCert, "client-cert", "", "TLS: PEM `file` of a client certificate")
	f.StringVar(&s.clKey, "client-key", "", "TLS: PEM `file` of its key")
	cmd.MarkFlagsRequiredTogether("client-cert", "client-key")
}

// check refuses flags of which one would mean nothing.
func (s *securing) check() error {
	if (s.key != "" || s.server != "") && (s.tls || s.ca != "" || s.clientCert != "") {
		return errors.New("CURVE or TLS: one of the two")
	}
	return nil
}

// security is what the flags ask for, towards a router whose public key is
// known when it is not zero.
func (s *securing) security(known curve.Public) (zmq.Security, error) {
	var out zmq.Security
	server := known
	if s.server != "" {
		var err error
		if server, err = curve.ParsePublic(s.server); err != nil {
			return out, fmt.Errorf("--curve-server: %w", err)
		}
	}
	if server == (curve.Public{}) {
		if s.key != "" {
			return out, errors.New("--curve-key needs --curve-server: the public key of the router")
		}
		return s.transport()
	}
	if s.key == "" {
		return out, errors.New("the router admits CURVE keys that its [[peers]] list: say yours with --curve-key FILE; headgate key new --curve NAME makes one")
	}
	secrets, err := config.ReadSecrets(s.key)
	if err != nil {
		return out, fmt.Errorf("--curve-key: %w", err)
	}
	out.Curve = &zmq.Curve{Secrets: secrets[:1], Server: server}
	return out, nil
}

// transport is TLS, where it is asked for.
func (s *securing) transport() (zmq.Security, error) {
	if !s.tls && s.ca == "" && s.clientCert == "" {
		return zmq.Security{}, nil
	}
	config, err := core.ClientTLS(s.ca, s.clientCert, s.clKey)
	return zmq.Security{TLS: config}, err
}

// serverKey is the public half of a socket's newest CURVE key; zero for none.
func serverKey(c *config.Curve) curve.Public {
	if c == nil || len(c.Secrets) == 0 {
		return curve.Public{}
	}
	return c.Secrets[0].Public()
}

// exportCurve prints the public half of each key in a file, newest first.
func (a *app) exportCurve(path string) error {
	secrets, err := config.ReadSecrets(path)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	for _, s := range secrets {
		a.printf("%s\n", s.Public())
	}
	return nil
}

// curveName takes the argument of key new --curve, which becomes a file's name.
func curveName(name string) error {
	if strings.ContainsAny(name, `/\`) || name == "" || strings.HasPrefix(name, ".") {
		return errors.New("a name of a key is part of its file's name: use letters, digits, dots and hyphens, and --out for another place")
	}
	return nil
}
