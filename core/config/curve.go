package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk/curve"
)

// MaxSecrets is how many secret keys a socket has: one in use and those that
// retire. Each costs every handshake of a stranger one more trial.
const MaxSecrets = 4

// ReadCurve reads the secret keys of t anew, newest first, by the rules of
// loading: for a router that runs while its keys are changed. t stays as it is.
// A variable cannot change in a running process: its keys are those of t.
// Errors never hold any of the keys.
func (c *Config) ReadCurve(t *Curve) ([]*curve.Secret, error) {
	if strings.HasPrefix(t.Secret, "env:") {
		return t.Secrets, nil
	}
	return c.readCurve(t, nil)
}

// CurveFiles lists the file that ReadCurve reads; none for a variable.
func (c *Config) CurveFiles(t *Curve) []string {
	path, found := strings.CutPrefix(t.Secret, "file:")
	if !found {
		return nil
	}
	return []string{c.Path(path)}
}

// ReadSecrets reads the secret keys of CURVE in a file, newest first, by the
// rules of loading. Its errors hold none of them.
func ReadSecrets(path string) ([]*curve.Secret, error) {
	text, err := resolve("file:"+path, "", nil)
	if err != nil {
		return nil, err
	}
	secrets, err := parseSecrets(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return secrets, nil
}

// WriteSecrets writes a file for ReadSecrets, mode 0600, whole or not at all. One
// that is there already stays as it is, and the error is fs.ErrExist, unless
// replace is set. Errors hold none of the keys.
func WriteSecrets(path string, secrets []*curve.Secret, replace bool) error {
	var text []byte
	for _, s := range secrets {
		text = append(append(text, s.Reveal()...), '\n')
	}
	write := createWhole
	if replace {
		write = replaceWhole
	}
	if err := write(path, text); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	return nil
}

// readCurve is ReadCurve with the variables of env.
func (c *Config) readCurve(t *Curve, env []string) ([]*curve.Secret, error) {
	text, err := resolve(t.Secret, c.Dir, env)
	if err != nil {
		return nil, err
	}
	secrets, err := parseSecrets(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Secret, err)
	}
	for i, s := range secrets {
		for _, p := range c.Peers {
			if p.Curve == s.Public() {
				return nil, fmt.Errorf("%s: line %d is the secret of peer %q: make one that the router alone has", t.Secret, i+1, p.Name)
			}
		}
	}
	return secrets, nil
}

// parseSecrets reads one key a line. The newline of the last one is optional.
func parseSecrets(text string) ([]*curve.Secret, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) > MaxSecrets {
		return nil, fmt.Errorf("has %d lines: at most %d secret keys, one a line", len(lines), MaxSecrets)
	}
	var secrets []*curve.Secret
	for i, line := range lines {
		s, err := curve.ParseSecret(strings.TrimSuffix(line, "\r"))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if same := slices.IndexFunc(secrets, func(other *curve.Secret) bool { return other.Public() == s.Public() }); same >= 0 {
			return nil, fmt.Errorf("line %d is the key of line %d again", i+1, same+1)
		}
		secrets = append(secrets, s)
	}
	return secrets, nil
}

// loadCurves resolves the secrets of all sockets.
func (l *loader) loadCurves(c *Config) {
	for _, s := range c.sockets() {
		if s.curve == nil {
			continue
		}
		secrets, err := c.readCurve(s.curve, l.opts.Env)
		if err != nil {
			l.bad(join(join(s.key, "curve"), "secret"), "%v", err)
		}
		s.curve.Secrets = secrets
	}
}

// curve checks which keys a socket has: who connects knows the one server, who
// listens knows its clients by [[peers]].
func (k *checker) curve(s socket) {
	at := join(join(s.key, "curve"), "server_key")
	own := func(secret *curve.Secret) bool { return secret.Public() == s.curve.Server }
	switch {
	case s.listens() && k.spots.has(at):
		k.hint(at, "[[peers]] names the clients of a socket that listens", "is for connect only")
	case s.listens():
	case s.curve.Server == curve.Public{}:
		k.hint(at, "give the public key of the consumers in Z85", "is required for connect")
	case slices.ContainsFunc(s.curve.Secrets, own):
		k.hint(at, "give that of the consumers", "is the router's own public key")
	}
}

// lease checks that the consumers of a command channel can settle what they
// took: a lease is bound to their key, so they reply with it, too, and they
// know the router by one key.
func (k *checker) lease() {
	const at = "replies.curve"
	replies := k.c.Replies.Curve
	for i := range k.c.Channels {
		ch := &k.c.Channels[i]
		switch {
		case ch.Class != "command" || ch.Curve == nil || ch.Listen == "":
		case replies == nil:
			k.hint(at, "name the same secret there", "is required, since channel %q has it: a lease is bound to the key of its consumer", ch.Name)
		case len(replies.Secrets) == 0 || len(ch.Curve.Secrets) == 0: // a problem already
		case replies.Secrets[0].Public() != ch.Curve.Secrets[0].Public():
			k.hint(at, "name the same secret in both", "its newest key is not that of channel %q: a consumer knows the router by one key", ch.Name)
		}
	}
}
