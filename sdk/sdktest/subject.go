package sdktest

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"os"
	"strings"

	"google.golang.org/grpc/credentials"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// subject is the plugin under test, and what its rules have learned of it.
type subject struct {
	command     host.Command
	options     Options
	limits      limits
	description *pluginv1.DescribeResponse // by the rule "describe"
}

// kinds are those of one type.
func (x *subject) kinds(of pluginv1.Kind_Type) []*pluginv1.Kind {
	var list []*pluginv1.Kind
	for _, k := range x.description.GetKinds() {
		if k.GetType() == of {
			list = append(list, k)
		}
	}
	return list
}

// environment is what package host gives, but for the socket's place, which
// launch adds.
func (x *subject) environment(clientPEM string) map[string]string {
	env := map[string]string{"PATH": searchPath, "LANG": "C.UTF-8"}
	for _, name := range []string{"SSL_CERT_DIR", "SSL_CERT_FILE", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	maps.Copy(env, x.command.Env)
	env[wire.CookieKey] = wire.CookieValue
	env[wire.CertKey] = clientPEM
	env["PLUGIN_PROTOCOL_VERSIONS"] = "1"
	return env
}

// start starts the plugin as a router does, and connects. The caller calls end.
func (x *subject) start(ctx context.Context) (*process, error) {
	own, text, err := newCertificate()
	if err != nil {
		return nil, err
	}
	p, err := x.launch(x.environment(text))
	if err != nil {
		return nil, err
	}
	if err := x.reach(ctx, p, own); err != nil {
		p.end()
		return nil, err
	}
	return p, nil
}

func (x *subject) reach(ctx context.Context, p *process, own tls.Certificate) error {
	err := p.greet(ctx)
	if err != nil {
		return err
	}
	if p.conn, err = p.connect(credentials.NewTLS(clientTLS(p.certificate, own))); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	p.plugin = pluginv1.NewPluginServiceClient(p.conn)
	p.transforms = pluginv1.NewTransformServiceClient(p.conn)
	p.providers = pluginv1.NewProviderServiceClient(p.conn)
	return nil
}

// open starts the plugin and opens all of its kinds.
func (x *subject) open(ctx context.Context) (*process, error) {
	p, err := x.start(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range x.description.GetKinds() {
		if err := p.configured(ctx, x.configuration(k)); err != nil {
			p.end()
			return nil, err
		}
	}
	return p, nil
}

// with runs try on a freshly opened plugin.
func (x *subject) with(ctx context.Context, try func(*process) error) error {
	p, err := x.open(ctx)
	if err != nil {
		return err
	}
	defer p.end()
	return try(p)
}

// config is what the author gave for a kind.
func (x *subject) config(k *pluginv1.Kind) string {
	if c := x.options.Config[k.GetName()]; strings.TrimSpace(c) != "" {
		return c
	}
	return "{}"
}

func (x *subject) configuration(k *pluginv1.Kind) *pluginv1.ConfigureRequest {
	r := &pluginv1.ConfigureRequest{Kind: k.GetName(), Config: []byte(x.config(k))}
	if policy, ok := x.options.Policy[k.GetName()]; ok {
		r.Policy = &pluginv1.Policy{Issuers: policy.Issuers, Audiences: policy.Audiences, Algs: policy.Algs}
	}
	return r
}

// configure gives one kind a configuration, and returns what it finds wrong.
func (p *process) configure(ctx context.Context, r *pluginv1.ConfigureRequest) ([]*pluginv1.Diagnostic, error) {
	ctx, cancel := context.WithTimeout(ctx, p.limits.call)
	defer cancel()
	answer, err := p.plugin.Configure(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s: Configure failed, where a fault of the configuration is a diagnostic: %w", r.GetKind(), p.why(err))
	}
	return answer.GetDiagnostics(), nil
}

// configured errs unless the configuration is taken.
func (p *process) configured(ctx context.Context, r *pluginv1.ConfigureRequest) error {
	faults, err := p.configure(ctx, r)
	if err != nil || len(faults) == 0 {
		return err
	}
	return fmt.Errorf("%s does not take its configuration: %s", r.GetKind(), quoted(told(faults)))
}

// told is diagnostics as text.
func told(faults []*pluginv1.Diagnostic) string {
	list := make(sdk.Diagnostics, len(faults))
	for i, f := range faults {
		list[i] = sdk.Diagnostic{Path: f.GetPath(), Text: f.GetText()}
	}
	return list.Error()
}

func kindWord(of pluginv1.Kind_Type) string {
	if of == pluginv1.Kind_TYPE_PROVIDER {
		return "provider"
	}
	return "transform"
}
