package core

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"slices"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/metrics"
)

// openAdmin binds what operators reach the router by.
func (c *Core) openAdmin(dir string) error {
	o := admin.Options{Socket: datadir.Socket(dir), Router: c, Decisions: c.decisions, Log: c.part("admin")}
	if a := &c.cfg.Admin; a.HTTP != "" {
		secure, err := adminTLS(c.cfg)
		if err != nil {
			return err
		}
		o.HTTP = &admin.HTTP{Address: a.HTTP, TLS: secure, Metrics: c.metrics.Handler(c, o.Log), Access: access(a, a.Tokens)}
	}
	if c.audit != nil {
		o.Auditor = c.audit
	}
	server, err := admin.NewServer(o)
	if err != nil {
		return err
	}
	c.admin = server
	c.bound = append(c.bound, server.Close)
	return nil
}

// adminTLS is that of HTTP for operators; nil for none.
func adminTLS(cfg *config.Config) (*tls.Config, error) {
	secure, err := serverTLS(cfg, cfg.Admin.TLS)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	if secure != nil && secure.ClientCAs != nil { // who has a token needs no certificate
		secure.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return secure, nil
}

// operated has operators see and reach a router as its configuration wants it. Its
// address, and whether it has TLS, stay as they were at the start.
func (m *making) operated() error {
	c, cfg := m.c, m.cfg
	secure, err := adminTLS(cfg)
	if err != nil {
		return err
	}
	use := func(a admin.Access) {
		if c.admin != nil { // else it is made with it
			c.admin.Use(a)
			c.admin.UseTLS(secure)
		}
	}
	m.swaps = append(m.swaps, func() {
		c.logs.use(cfg.Log)
		c.metrics.Use(labels(cfg))
		if c.tokensInUse == nil || m.changed("admin.tokens") {
			c.tokensInUse = cfg.Admin.Tokens
		} // else they may have been read again since
		use(access(&cfg.Admin, c.tokensInUse))
	})
	if len(cfg.Admin.Tokens) > 0 {
		m.sources = append(m.sources, c.tokenSource(cfg, use, c.part("keys")))
	}
	return nil
}

// access is who may ask over HTTP.
func access(a *config.Admin, tokens []config.AdminToken) admin.Access {
	out := admin.Access{Hosts: a.Hosts}
	for _, t := range tokens {
		out.Tokens = append(out.Tokens, admin.Token{Name: t.Name, Role: admin.Role(t.Role), Sum: t.Sum})
	}
	for _, of := range a.Clients {
		out.Clients = append(out.Clients, admin.Certificate{Name: of.Name, Role: admin.Role(of.Role)})
	}
	return out
}

// tokenSource is what the tokens of a configuration are read from again.
func (c *Core) tokenSource(cfg *config.Config, use func(admin.Access), log zerolog.Logger) *source[[]config.AdminToken] {
	return &source[[]config.AdminToken]{
		name: "admin tokens",
		log:  log,
		read: func() ([]config.AdminToken, []string, error) {
			tokens, err := cfg.ReadTokens()
			return tokens, cfg.TokenFiles(), err
		},
		same: slices.Equal[[]config.AdminToken],
		use: func(tokens []config.AdminToken) error {
			if slices.Equal(tokens, c.tokensInUse) {
				return nil
			}
			use(access(&cfg.Admin, tokens))
			c.tokensInUse = tokens
			log.Info().Int("tokens", len(tokens)).Msg("admin tokens changed")
			return nil
		},
	}
}

// labels are the names in a configuration that metrics may have.
func labels(cfg *config.Config) metrics.Names {
	n := metrics.Names{Bounds: intake.Bounds()}
	for code := range maps.Keys(intake.Codes()) {
		n.Codes = append(n.Codes, string(code))
	}
	for _, in := range cfg.Ingress {
		n.Ingress = append(n.Ingress, in.Name)
	}
	for _, a := range cfg.Auth {
		n.Auth = append(n.Auth, a.Name)
	}
	for _, r := range cfg.Routes {
		n.Routes = append(n.Routes, r.Name)
	}
	for _, ch := range cfg.Channels {
		if ch.Class == "command" {
			n.Channels = append(n.Channels, ch.Name)
		}
	}
	return n
}

// required are the transforms that events on some way go through.
func required(cfg *config.Config) []string {
	names := make(map[string]bool)
	for _, r := range cfg.Routes {
		for _, name := range r.Transforms {
			names[name] = true
		}
	}
	for _, ch := range cfg.Channels {
		for _, name := range ch.Require.Transforms {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// operating adds to a Top what operating a router is about.
func (c *Core) operating(t *admin.Top) {
	t.Audit = c.audit.facts()
	t.Traces = c.traced()
	t.Draining = c.leaving.Err() != nil
	t.Required = required(c.at.Load().cfg)
	t.Tail = admin.TailCounts{Readers: c.decisions.Readers(), Missed: c.decisions.Missed()}
}

// Levels implements admin.Router.
func (c *Core) Levels(context.Context) ([]admin.PartLevel, error) { return c.logs.list(), nil }

// SetLevel implements admin.Router.
func (c *Core) SetLevel(_ context.Context, to admin.LevelChange) error { return c.logs.set(to) }
