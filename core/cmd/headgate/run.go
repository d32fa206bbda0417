package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/process"
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
			limitResources(log)
			for _, w := range cfg.Warnings() {
				log.Warn().Msg(w)
			}
			c, err := core.New(cmd.Context(), cfg, core.Options{Version: version, Dev: dev, Log: log, Files: a.files, Load: func() (*config.Config, error) {
				fresh, err := a.load(set)
				if err == nil && dev {
					err = devOnly(fresh)
				}
				return fresh, err
			}})
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
			return runUntilDone(cmd.Context(), c, time.Duration(cfg.Limits.Drain), log)
		}),
	}
	cmd.Flags().BoolVar(&dev, "dev", false, "development: loopback only, prints its keys' files, says DEV in every log line")
	cmd.Flags().StringVar(&level, "log-level", "", "debug, info, warn or error, over what the file says")
	return cmd
}

// endTime is what the end of a router may take beyond [limits] drain: for plugins
// and lingering sockets.
const endTime = 30 * time.Second

// runUntilDone runs a router, which a hangup has read its files again, and tells
// the service manager how it is.
func runUntilDone(ctx context.Context, c *core.Core, drain time.Duration, log zerolog.Logger) error {
	manager, err := process.NewNotifier(os.Getenv)
	tell := func(err error) {
		if err != nil {
			log.Warn().Err(err).Msg("the service manager does not know how the router is")
		}
	}
	if err != nil { // nothing an event should wait for
		tell(err)
		manager = new(process.Notifier)
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // before anybody is told that there is something to reload
	defer signal.Stop(hangup)
	tell(manager.Ready("ready")) // every address is bound
	told := context.AfterFunc(ctx, func() { tell(manager.Stopping(drain + endTime)) })
	defer told()

	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	listening, noMore := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() {
		reloadOnHangup(listening, hangup, func() {
			tell(manager.Reloading())
			_, err := c.Reload(listening, admin.Reload{Why: "SIGHUP"}) // it logs
			if listening.Err() == nil {
				tell(manager.Ready(reloadStatus(err)))
			}
		})
	})
	beside.Go(func() { manager.Watch(running, func() { _, _ = c.Top(running) }) }) // of a router that is stuck it does not return
	err = c.Run(ctx)
	noMore()
	stop()
	beside.Wait()
	return err
}

// reloadStatus is what the service manager shows after a reload.
func reloadStatus(err error) string {
	if err != nil {
		return "ready; the last reload changed nothing: " + err.Error()
	}
	return "ready"
}

// limitResources has the runtime keep within the memory of the cgroup. It does so
// with processors by itself (runtime.GOMAXPROCS, Go 1.25).
func limitResources(log zerolog.Logger) {
	memory, err := process.LimitMemory(os.DirFS("/"))
	if err != nil {
		log.Warn().Err(err).Msg("the memory of the cgroup is not known: GOMEMLIMIT can say it")
	}
	line := log.Info().Int("processors", runtime.GOMAXPROCS(0))
	if memory.Cgroup > 0 {
		line.Int64("cgroup_memory", memory.Cgroup)
	}
	if memory.Limit > 0 {
		line.Int64("memory_limit", memory.Limit)
	}
	line.Msg("resources")
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
