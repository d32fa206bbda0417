package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
)

func (a *app) runCommand() *cobra.Command {
	var dev bool
	var level string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the router until SIGTERM or SIGINT, which drain it",
		Args:  cobra.NoArgs,
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			set := map[string]string{}
			if level != "" {
				set["log.level"] = level
			}
			cfg, err := a.load(set)
			if err != nil {
				return err
			}
			log, err := newLog(cfg.Log, a.err)
			if err != nil {
				return err
			}
			if dev {
				if err := devOnly(cfg); err != nil {
					return err
				}
				log = log.With().Str("mode", "DEV").Logger()
			}
			if err := keepMemoryPrivate(); err != nil {
				return err
			}
			for _, w := range cfg.Warnings() {
				log.Warn().Msg(w)
			}
			c, err := core.New(cmd.Context(), cfg, core.Options{Version: version, Dev: dev, Log: log})
			if err != nil && errors.Is(err, cmd.Context().Err()) {
				log.Info().Msg("stopped before it was ready")
				return nil
			}
			if err != nil {
				return err
			}
			if dev {
				a.printDev(cfg)
			}
			return c.Run(cmd.Context())
		}),
	}
	cmd.Flags().BoolVar(&dev, "dev", false, "development: loopback only, prints its keys' files, says DEV in every log line")
	cmd.Flags().StringVar(&level, "log-level", "", "debug, info, warn or error, over what the file says")
	return cmd
}

// newLog makes the router's log as the file wants it.
func newLog(l config.Log, to io.Writer) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(l.Level)
	if err != nil {
		return zerolog.Logger{}, fmt.Errorf("log level: %w", err)
	}
	if l.Format == "console" || l.Format == "auto" && isTerminal(to) {
		to = console(to)
	}
	zerolog.TimeFieldFormat = time.RFC3339Nano
	return zerolog.New(to).Level(level).With().Timestamp().Logger(), nil
}

// console writes lines for people. What a plugin logged may be in them.
func console(to io.Writer) zerolog.ConsoleWriter {
	return zerolog.ConsoleWriter{Out: to, TimeFormat: time.TimeOnly, NoColor: !isTerminal(to),
		FormatMessage: func(text any) string {
			if text == nil {
				return ""
			}
			return printable(fmt.Sprint(text))
		}}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// devOnly refuses every address that others could reach.
func devOnly(cfg *config.Config) error {
	addresses := []string{cfg.Replies.Listen}
	for _, in := range cfg.Ingress {
		addresses = append(addresses, in.Listen)
	}
	for _, ch := range cfg.Channels {
		addresses = append(append(addresses, ch.Listen), ch.Connect...)
	}
	for _, at := range addresses {
		if at == "" || strings.HasPrefix(at, "ipc://") {
			continue
		}
		u, err := url.Parse(at)
		if err != nil {
			return err
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
			return fmt.Errorf("run --dev is for loopback alone: %s is not", at)
		}
	}
	return nil
}

func (a *app) printDev(cfg *config.Config) {
	fmt.Fprintf(a.err, "DEV: keys of %s\n", cfg.Path(cfg.Data.Dir))
	for _, auth := range cfg.Auth {
		for _, k := range auth.Keys {
			fmt.Fprintf(a.err, "DEV:   %s %s (%s) for %s, in %s\n", auth.Kind, k.ID, k.State, k.Principal, k.File)
		}
	}
}
