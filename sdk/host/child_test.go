package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/plugin"
)

// child is a process that a test starts: a plugin, good or bad, or a router.
func child(mode string, args []string) {
	switch mode {
	case "serve":
		plugin.Serve(testPlugin())
	case "printing":
		fmt.Println("hello from main")
		plugin.Serve(testPlugin())
	case "silent":
		forever()
	case "heedless": // silent, and does not look whether its router lives
		fmt.Fprintln(os.Stderr, "pid", os.Getpid())
		forever()
	case "deaf":
		_ = os.Stdout.Close()
		forever()
	case "dying":
		fmt.Fprintln(os.Stderr, "no such database")
		os.Exit(7)
	case "panicking":
		panic("on purpose")
	case "endless":
		for {
			fmt.Print(strings.Repeat("x", 1<<16))
		}
	case "foreign":
		goplugin.Serve(&goplugin.ServeConfig{HandshakeConfig: goplugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "OTHER", MagicCookieValue: "x"}})
	case "saying":
		fmt.Println(strings.ReplaceAll(args[0], "DIR", os.Getenv("PLUGIN_UNIX_SOCKET_DIR")))
		forever()
	case "stopping":
		path, _ := bound()
		fmt.Println("1|1|unix|" + path + "|grpc|" + someCertificate())
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "plaintext":
		fmt.Println("1|1|unix|" + listening() + "|grpc|" + someCertificate())
		forever()
	case "raw":
		serveRaw(args[0])
	case "router":
		router(args[0])
	case "untraced":
		untraced(args[0], args[1])
	case "holding":
		time.Sleep(time.Minute)
	default:
		fmt.Fprintln(os.Stderr, "no such child:", mode)
		os.Exit(2)
	}
}

// bound listens where a plugin should.
func bound() (string, net.Listener) {
	path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		panic(err)
	}
	return path, l
}

// listening accepts and answers nothing sensible.
func listening() string {
	path, l := bound()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 no TLS here\r\n\r\n"))
		}
	}()
	return path
}

// someCertificate is any that can be parsed: the router's own.
func someCertificate() string {
	der := strings.Split(os.Getenv("PLUGIN_CLIENT_CERT"), "\n")
	return strings.TrimRight(strings.Join(der[1:len(der)-2], ""), "=")
}

// router starts a plugin, prints its process and waits to be killed: while a call
// is under way, or while a plugin that heeds nothing says nothing.
func router(kind string) {
	o := host.Options{StartTimeout: time.Hour, Log: func(x host.Line) {
		if pid, ok := strings.CutPrefix(x.Text, "pid "); ok {
			fmt.Println(pid)
		}
	}}
	c, err := host.Start(context.Background(), host.Command{Self: []string{"child", kind}}, o)
	if err != nil {
		panic(err)
	}
	fmt.Println(c.Facts().PID)
	if err := c.Configure(context.Background(), host.Configuration{Kind: "do"}); err != nil {
		panic(err)
	}
	_, _ = c.Transform("do").Transform(context.Background(), []sdk.Input{event("stubborn", "")})
}

type config struct {
	Version int    `json:"version"`
	Refuse  string `json:"refuse"`
	Panic   bool   `json:"panic"`
	Hang    bool   `json:"hang"` // when closed
}

// testPlugin does what the event's type says.
func testPlugin() sdk.Plugin {
	p := sdk.Plugin{Name: "test", Version: "1.2.3"}
	schema, err := sdk.ConfigSchema[config]()
	if err != nil {
		panic(err)
	}
	p.Transforms = []sdk.TransformKind{
		{Name: "do", Doc: "does as told", Schema: schema, Needs: sdk.Needs{Data: true, Extensions: true, Principal: true}, Open: openDoer},
		{Name: "blind", Schema: schema, Open: openDoer},
	}
	p.Providers = []sdk.ProviderKind{{Name: "trust", Schema: schema, Open: openTrust}}
	return p
}

type doer struct {
	config config
	calls  atomic.Int64
	closed atomic.Bool
}

func openDoer(_ context.Context, text json.RawMessage) (sdk.Transform, error) {
	c, err := sdk.DecodeConfig[config](text)
	if err != nil {
		return nil, err
	}
	if c.Refuse != "" {
		return nil, sdk.Diagnostics{{Path: "/refuse", Text: c.Refuse}, {Path: "/version", Text: "another"}}
	}
	if c.Panic {
		panic("opened on purpose")
	}
	return &doer{config: c}, nil
}

func (d *doer) Close() error {
	d.closed.Store(true)
	slog.Info("closed", "version", d.config.Version)
	if d.calls.Load() > 0 {
		slog.Error("closed with calls under way")
	}
	if d.config.Hang {
		time.Sleep(time.Hour)
	}
	return nil
}

func (d *doer) Transform(ctx context.Context, in []sdk.Input) ([]sdk.Outcome, error) {
	d.calls.Add(1)
	defer d.calls.Add(-1)
	outcomes := make([]sdk.Outcome, len(in))
	for i, x := range in {
		if err := d.one(ctx, x, &outcomes[i]); err != nil {
			return nil, err
		}
		if d.closed.Load() {
			return nil, errors.New("closed under a call")
		}
		if x.Event.Type == "few" {
			return outcomes[:0], nil
		}
	}
	return outcomes, nil
}

func (d *doer) one(ctx context.Context, in sdk.Input, o *sdk.Outcome) error {
	e, data := in.Event, string(in.Event.Data)
	answer := func(text string) {
		e.Data, e.DataIsJSON = []byte(text), false
		*o = sdk.Outcome{Verdict: sdk.Replace, Event: e}
	}
	switch e.Type {
	case "upper":
		answer(strings.ToUpper(data))
	case "nothing":
		e.Data = nil
		*o = sdk.Outcome{Verdict: sdk.Replace, Event: e}
	case "empty":
		answer("")
	case "drop":
		*o = sdk.OutcomeOf(sdk.Dropped(data))
	case "permanent":
		*o = sdk.OutcomeOf(sdk.Permanent(errors.New(data)))
	case "later":
		*o = sdk.OutcomeOf(sdk.RetryAfter(errors.New(data), 1500*time.Microsecond))
	case "sender":
		answer(in.Principal.String())
	case "tag":
		e.Extensions = append(e.Extensions, sdk.Extension{Name: "aaa", Value: data})
		*o = sdk.Outcome{Verdict: sdk.Replace, Event: e}
	case "rename":
		e.ID = data
		*o = sdk.Outcome{Verdict: sdk.Replace, Event: e}
	case "nojson":
		e.Data, e.DataIsJSON = []byte("{"), true
		*o = sdk.Outcome{Verdict: sdk.Replace, Event: e}
	case "binary":
		e.DataContentType = "\xff"
		*o = sdk.Outcome{Verdict: sdk.Replace, Event: e}
	case "unavailable":
		return fmt.Errorf("database away: %w", sdk.ErrUnavailable)
	case "error":
		return errors.New(data)
	case "version":
		answer(fmt.Sprint(d.config.Version))
	case "slowversion":
		time.Sleep(5 * time.Millisecond)
		answer(fmt.Sprint(d.config.Version))
	case "panic":
		panic("event on purpose")
	case "crash":
		go panic("process on purpose")
		forever()
	case "sleep":
		slog.Info("sleeping")
		length, err := time.ParseDuration(data)
		if err != nil {
			return err
		}
		select {
		case <-time.After(length):
		case <-ctx.Done():
			return ctx.Err()
		}
	case "stubborn":
		slog.Info("sleeping")
		time.Sleep(time.Hour)
	case "big":
		answer(strings.Repeat("x", 15<<20))
	case "env":
		answer(strings.Join(os.Environ(), "\x00"))
	case "files":
		answer(strings.Join(descriptors(), "\n"))
	case "status":
		text, err := os.ReadFile("/proc/self/" + data)
		if err != nil {
			return err
		}
		answer(string(text))
	case "log":
		slog.With("a", 1).WithGroup("g").Warn(data, "b", time.Second, "err", errors.New("x"))
		slog.Debug("unseen")
	case "print":
		fmt.Println(data)
		fmt.Fprintln(os.Stderr, data+" on stderr")
		_, _ = syscall.Write(1, []byte(data+" on descriptor 1\n"))
	case "flood":
		line := strings.Repeat("y", 1000) + "\n"
		for range 20_000 {
			_, _ = io.WriteString(os.Stderr, line)
		}
	case "longline":
		fmt.Fprintln(os.Stderr, strings.Repeat("z", 1<<20))
	case "grandchild":
		c := exec.Command("/proc/self/exe", "child", "holding")
		c.Stderr, c.SysProcAttr = os.Stderr, &syscall.SysProcAttr{Setsid: data == "setsid"}
		if err := c.Start(); err != nil {
			return err
		}
		answer(fmt.Sprint(c.Process.Pid))
	}
	return nil
}

func descriptors() []string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	var list []string
	for _, x := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + x.Name()); err == nil {
			list = append(list, x.Name()+" "+to)
		}
	}
	return list
}

// trust publishes three bundles, the second of which no router takes.
type trust struct{ hints chan string }

func openTrust(_ context.Context, policy sdk.ProviderPolicy, _ json.RawMessage) (sdk.Provider, error) {
	if len(policy.Issuers) == 0 {
		return nil, sdk.Diagnostics{{Text: "no issuer"}}
	}
	return &trust{hints: make(chan string, 1)}, nil
}

func (v *trust) Hint(_ context.Context, issuer, kid string) { v.hints <- issuer + " " + kid }

func (v *trust) Watch(ctx context.Context, publish func(context.Context, sdk.TrustBundle) error) error {
	now := time.UnixMilli(1_700_000_000_000)
	b := sdk.TrustBundle{FetchedAt: now, FreshUntil: now.Add(time.Hour), UsableUntil: now.Add(2 * time.Hour), Issuers: []sdk.IssuerTrust{{
		Issuer: "https://idp", Audiences: []string{"a"}, Algs: []string{"ES256"}, Keys: []json.RawMessage{[]byte(`{"kty":"EC"}`)}, Leeway: time.Minute, MaxLifetime: time.Hour,
	}}, Revoked: []sdk.Revocation{{Kind: "jti", Issuer: "https://idp", Value: "x", Expires: now}}}
	for b.Version = 1; b.Version <= 3; b.Version++ {
		if err := publish(ctx, b); err != nil {
			slog.Warn("refused", "why", err)
		}
	}
	select {
	case hint := <-v.hints:
		b.Issuers[0].Issuer = hint
		if err := publish(ctx, b); err != nil {
			return err
		}
	case <-ctx.Done():
	}
	<-ctx.Done()
	return ctx.Err()
}

// forever does nothing. A select without cases would end a program that has
// nothing else to do: the runtime calls that a deadlock.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}
