package main

import (
	"errors"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
)

// checked is what check found out.
type checked struct {
	OK         bool      `json:"ok"`
	Problems   []problem `json:"problems,omitempty"`
	Warnings   []string  `json:"warnings,omitempty"`
	Routes     int       `json:"routes"`
	Transforms int       `json:"transforms"`
	Channels   int       `json:"channels"`
	Auths      int       `json:"auths"` // of keys and of tokens
	Keys       int       `json:"keys"`
	Grants     int       `json:"grants"`
	Effective  []setting `json:"effective,omitempty"`
}

// problem is config.Problem for programs.
type problem struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Key    string `json:"key,omitempty"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

// setting is config.Setting for programs.
type setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"` // as TOML writes it
	Origin string `json:"origin"`
}

func (a *app) checkCommand() *cobra.Command {
	var effective, asJSON, noPlugins bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, and tell everything that is wrong at once",
		Long: `check reads the configuration as run does, with all it refers to, compiles the
rules, starts each plugin to have it check its own configuration, and prints every
problem with its file, line and column. It exits with 1 if there are any. It binds
nothing and changes nothing.`,
		Args: cobra.NoArgs,
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.compile()
			if err == nil && !noPlugins {
				err = core.CheckPlugins(cmd.Context(), cfg, core.Options{Version: version, Log: zerolog.Nop()})
			}
			c := checked{OK: err == nil}
			if err != nil {
				c.Problems = problems(err)
			} else {
				c.count(cfg, effective)
			}
			switch {
			case asJSON:
				if err := a.printJSON(c); err != nil {
					return err
				}
			case c.OK:
				a.printChecked(&c)
			default:
				a.printf("%s\n", printableLines(err.Error()))
			}
			if !c.OK {
				return errSaid
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&effective, "effective", false, "print each value with its origin")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&noPlugins, "no-plugins", false, "start no plugin: what only they know is not checked")
	return cmd
}

// compile loads the configuration and makes sure that its rules compile.
func (a *app) compile() (*config.Config, error) {
	cfg, err := a.load(nil)
	if err != nil {
		return nil, err
	}
	_, err = core.Rules(cfg)
	return cfg, err
}

func (c *checked) count(cfg *config.Config, effective bool) {
	c.Routes, c.Transforms, c.Channels, c.Warnings = len(cfg.Routes), len(cfg.Transforms), len(cfg.Channels), core.Warnings(cfg)
	c.Auths, c.Grants = len(cfg.Auth), len(cfg.Grants)
	for _, auth := range cfg.Auth {
		c.Keys += len(auth.Keys)
	}
	if !effective {
		return
	}
	for _, s := range cfg.Effective() {
		c.Effective = append(c.Effective, setting(s))
	}
}

func problems(err error) []problem {
	var all config.Problems
	if !errors.As(err, &all) {
		return []problem{{Text: err.Error()}}
	}
	out := make([]problem, len(all))
	for i, p := range all {
		out[i] = problem(p)
	}
	return out
}

func (a *app) printChecked(c *checked) {
	if len(c.Effective) > 0 {
		t := newTable(a.out, "KEY", "VALUE", "ORIGIN")
		for _, s := range c.Effective {
			t.row(s.Key, s.Value, s.Origin)
		}
		t.end()
		a.printf("\n")
	}
	for _, w := range c.Warnings {
		a.printf("warning: %s\n", w)
	}
	counts := []string{count(c.Routes, "route"), count(c.Channels, "channel"), count(c.Auths, "auth"), count(c.Keys, "key")}
	if c.Grants > 0 {
		counts = append(counts, count(c.Grants, "grant"))
	}
	if c.Transforms > 0 {
		counts = append(counts, count(c.Transforms, "transform"))
	}
	a.printf("ok: %s\n", strings.Join(counts, ", "))
}
