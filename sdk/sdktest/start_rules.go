package sdktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"

	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// startRules are about a plugin's first second.
var startRules = []rule{
	{Rule{"handshake", "The first line on stdout is the handshake, and the socket it names lies in PLUGIN_UNIX_SOCKET_DIR."}, "", 0, tryHandshake},
	{Rule{"cookie", "Started without the cookie, it prints no handshake, says on stderr what it is and ends with a status other than 0."}, "handshake", 0, tryCookie},
	{Rule{"version", "It picks protocol version 1 where that is offered, and never claims a version it was merely asked for."}, "handshake", 0, tryVersion},
	{Rule{"mtls", "It proves itself by a certificate, and refuses whoever lacks the router's."}, "handshake", 0, tryMTLS},
	{Rule{"health", "The gRPC health service \"plugin\" is SERVING, and Health answers."}, "handshake", 0, tryHealth},
	{Rule{"describe", "Describe answers within a second, always the same, and names at least one kind."}, "handshake", 0, tryDescribe},
}

func tryHandshake(ctx context.Context, x *subject) error {
	p, err := x.start(ctx)
	if err != nil {
		return err
	}
	defer p.end()
	if p.protocol != 1 {
		return fmt.Errorf("it chose protocol version %d, where only 1 was offered", p.protocol)
	}
	return nil
}

func tryCookie(ctx context.Context, x *subject) error {
	env := x.environment("")
	delete(env, wire.CookieKey)
	p, err := x.launch(env)
	if err != nil {
		return err
	}
	defer p.end()
	if err := p.gone(ctx, x.limits.start); err != nil {
		return fmt.Errorf("without the cookie it serves all the same: %w", err)
	}
	if out, _ := p.out.text(); regexp.MustCompile(`(?m)^1\|\d+\|`).MatchString(out) {
		return errors.New("without the cookie it prints a handshake")
	}
	if p.code() == 0 {
		return errors.New("without the cookie it ends with status 0, as if all were well")
	}
	if _, n := p.logs.text(); n == 0 {
		return errors.New("without the cookie it says nothing on stderr: a user who runs it should learn what it is")
	}
	return nil
}

// unspokenVersion is a protocol version that nobody speaks.
const unspokenVersion = 999

func tryVersion(ctx context.Context, x *subject) error {
	for _, c := range []struct{ offered, want string }{{"1,999", "1"}, {"999", ""}} {
		_, text, err := newCertificate()
		if err != nil {
			return err
		}
		env := x.environment(text)
		env["PLUGIN_PROTOCOL_VERSIONS"] = c.offered
		p, err := x.launch(env)
		if err != nil {
			return err
		}
		defer p.end()
		err = p.greet(ctx)
		switch {
		case err == nil && p.protocol == unspokenVersion:
			return fmt.Errorf("asked for the versions %s it claims to speak 999", c.offered)
		case c.want == "":
			// It may name a version that it speaks, or end and say so.
			if _, said := p.logs.text(); err != nil && (p.alive() == nil || said == 0) {
				return fmt.Errorf("asked for the version %s alone, it neither names one it speaks nor says why it ends: %w", c.offered, err)
			}
		case err != nil:
			return fmt.Errorf("asked for the versions %s: %w", c.offered, err)
		case p.protocol != 1:
			return fmt.Errorf("asked for the versions %s it chose %d: want 1", c.offered, p.protocol)
		}
	}
	return nil
}

func tryMTLS(ctx context.Context, x *subject) error {
	p, err := x.start(ctx)
	if err != nil {
		return err
	}
	defer p.end()
	if p.certificate == nil {
		return errors.New("the handshake has no certificate, so nobody knows who answers: it must serve TLS when PLUGIN_CLIENT_CERT is set")
	}
	if _, err := p.describe(ctx); err != nil {
		return fmt.Errorf("the router's own certificate is not taken: %w", err)
	}
	other, _, err := newCertificate()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		who string
		by  credentials.TransportCredentials
	}{
		{"without a certificate", credentials.NewTLS(clientTLS(p.certificate))},
		{"with another certificate than the router's", credentials.NewTLS(clientTLS(p.certificate, other))},
		{"without TLS", insecure.NewCredentials()},
	} {
		if err := p.intrude(ctx, c.by); err == nil {
			return fmt.Errorf("a client %s is answered: require and verify the certificate in PLUGIN_CLIENT_CERT", c.who)
		}
	}
	if _, err := p.describe(ctx); err != nil {
		return fmt.Errorf("after refusing intruders it does not answer the router: %w", err)
	}
	return nil
}

// intrude asks the plugin something in another's name.
func (p *process) intrude(ctx context.Context, by credentials.TransportCredentials) error {
	conn, err := p.connect(by)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, p.limits.call)
	defer cancel()
	_, err = pluginv1.NewPluginServiceClient(conn).Describe(ctx, &pluginv1.DescribeRequest{})
	return err
}

func tryHealth(ctx context.Context, x *subject) error {
	p, err := x.start(ctx)
	if err != nil {
		return err
	}
	defer p.end()
	ctx, cancel := context.WithTimeout(ctx, x.limits.call)
	defer cancel()
	answer, err := health.NewHealthClient(p.conn).Check(ctx, &health.HealthCheckRequest{Service: "plugin"})
	if err != nil {
		return fmt.Errorf("the health service grpc.health.v1.Health, asked for \"plugin\": %w", p.why(err))
	}
	if answer.GetStatus() != health.HealthCheckResponse_SERVING {
		return fmt.Errorf("the health of \"plugin\" is %s: want SERVING", answer.GetStatus())
	}
	return p.health(ctx)
}

func (p *process) health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.limits.call)
	defer cancel()
	if _, err := p.plugin.Health(ctx, &pluginv1.HealthRequest{}); err != nil {
		return fmt.Errorf("rpc Health: %w", p.why(err))
	}
	return nil
}

func (p *process) describe(ctx context.Context) (*pluginv1.DescribeResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, p.limits.describe)
	defer cancel()
	d, err := p.plugin.Describe(ctx, &pluginv1.DescribeRequest{HostVersion: "conformance"})
	if err != nil {
		return nil, fmt.Errorf("rpc Describe: %w", p.why(err))
	}
	return d, nil
}

func tryDescribe(ctx context.Context, x *subject) error {
	p, err := x.start(ctx)
	if err != nil {
		return err
	}
	defer p.end()
	if err := p.health(ctx); err != nil { // the first call of all also makes the connection
		return err
	}
	first, err := p.describe(ctx)
	if err != nil {
		return err
	}
	if _, err := wire.FromDescription(first); err != nil {
		return err
	}
	second, err := p.describe(ctx)
	if err != nil {
		return err
	}
	if !sameDescription(first, second) {
		return errors.New("rpc Describe says something else the second time: it must be pure")
	}
	x.description = first
	return nil
}

func sameDescription(a, b *pluginv1.DescribeResponse) bool {
	o := proto.MarshalOptions{Deterministic: true}
	first, err := o.Marshal(a)
	second, err2 := o.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(first, second)
}
