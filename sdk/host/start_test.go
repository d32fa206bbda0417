package host_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/host"
)

// TestStartSaysWhyNot has a bad plugin for every reason.
func TestStartSaysWhyNot(t *testing.T) {
	path, sum := copied(t, "")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	good := host.Command{Path: path, Args: []string{"child", "serve"}}
	wrongHash := good
	wrongHash.SHA256 = strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		command host.Command
		is      error
		says    string
	}{
		"nothing":           {host.Command{}, nil, "no path"},
		"both":              {host.Command{Path: path, Self: []string{"x"}}, nil, "not both"},
		"absent":            {host.Command{Path: path + "x"}, os.ErrNotExist, path + "x"},
		"directory":         {host.Command{Path: t.TempDir()}, nil, "no regular file"},
		"hash":              {wrongHash, host.ErrHash, sum},
		"no program":        {host.Command{Path: text}, host.ErrNotPlugin, "no program for this machine"},
		"no such command":   {host.Command{Path: text, Interpreter: []string{"no-such-interpreter"}}, nil, "/usr/bin"},
		"no such user":      {host.Command{Path: path, User: "nobody-of-that-name"}, nil, "nobody-of-that-name"},
		"foreign":           {self("foreign"), host.ErrNotPlugin, "another program"},
		"version 2":         {self("saying", "1|2|unix|DIR/s|grpc|"), host.ErrProtocol, "speaks version 2, this router version 1; update the router"},
		"version 0":         {self("saying", "1|0|unix|DIR/s|grpc|"), host.ErrProtocol, "rebuild the plugin"},
		"core":              {self("saying", "2|1|unix|DIR/s|grpc|"), host.ErrProtocol, "handshake"},
		"netrpc":            {self("saying", "1|1|unix|DIR/s|netrpc|"), host.ErrNotPlugin, "gRPC"},
		"no certificate":    {self("saying", "1|1|unix|DIR/s|grpc|"), host.ErrCertificate, "no certificate"},
		"bad certificate":   {self("saying", "1|1|unix|DIR/s|grpc|"+strings.Repeat("A", 80)), host.ErrCertificate, "none"},
		"tcp":               {self("saying", "1|1|tcp|127.0.0.1:1|grpc|x"), host.ErrBreach, "127.0.0.1:1"},
		"other directory":   {self("saying", "1|1|unix|/tmp/s|grpc|x"), host.ErrBreach, "/tmp/s"},
		"up and away":       {self("saying", "1|1|unix|DIR/../s|grpc|x"), host.ErrBreach, "/s"},
		"noise":             {self("saying", "hello"), host.ErrNoise, `"hello"`},
		"noise with bars":   {self("saying", "a|b|c|d|e|f"), host.ErrNoise, "a|b"},
		"printing":          {self("printing"), host.ErrNoise, "hello from main"},
		"endless":           {self("endless"), host.ErrNoise, "xxx"},
		"dying":             {self("dying"), host.ErrDied, "exit status 7; it said:\nno such database"},
		"panicking":         {self("panicking"), host.ErrDied, "panic: on purpose"},
		"true":              {host.Command{Path: "/bin/true"}, host.ErrDied, "exit status 0"},
		"silent":            {self("silent"), host.ErrSilent, "300ms"},
		"deaf":              {self("deaf"), host.ErrSilent, "closed its stdout"},
		"stopped":           {self("stopping"), host.ErrSilent, "300ms"},
		"plaintext":         {self("plaintext"), host.ErrCertificate, "handshake"},
		"nobody listens":    {self("saying", "1|1|unix|DIR/s|grpc|"+field(newCertificate())), host.ErrSilent, "connect"},
		"limit is rejected": {host.Command{Self: []string{"child", "serve"}, Limits: host.Limits{Files: 1 << 62}}, nil, "files"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := shortDir(t)
			o := host.Options{TempDir: dir}
			if test.is == host.ErrSilent {
				o.StartTimeout = 300 * time.Millisecond
				if name == "deaf" || name == "nobody listens" {
					o.StartTimeout = 3 * time.Second
				}
			}
			c, err := host.Start(t.Context(), test.command, o)
			if err == nil {
				_ = c.Close(t.Context())
				t.Fatal("it started")
			}
			if test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v\nwant %v with %q", err, test.is, test.says)
			}
			if left := socketDirectories(t, dir); len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
}

// TestStartEndsWithItsContext shows that a silent plugin does not outlive the
// context of its start.
func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := host.Start(ctx, self("silent"), host.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestStartRunsWhatWasHashed overwrites the file in place, which a path or a
// descriptor would not survive.
func TestStartRunsWhatWasHashed(t *testing.T) {
	path, sum := copied(t, "")
	image, err := host.OpenImage(host.Command{Path: path, SHA256: strings.ToUpper(sum), Args: []string{"child", "serve"}})
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho evil\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := image.Hash(t); got != sum {
		t.Errorf("what would run has the hash %s, want %s", got, sum)
	}
	if err := image.Write(); err == nil {
		t.Error("what would run could be written to")
	}
	out, err := image.Command("--help").CombinedOutput()
	if err != nil || strings.Contains(string(out), "evil") {
		t.Errorf("ran %v: %s", err, out)
	}
}

// TestStartForeign runs a copy of this binary by its path and hash.
func TestStartForeign(t *testing.T) {
	path, sum := copied(t, "more")
	c := start(t, host.Command{Path: path, SHA256: sum, Args: []string{"child", "serve"}}, host.Options{TempDir: shortDir(t)})
	if got := asked(t, c, "upper", "abc"); got != "ABC" {
		t.Errorf("got %q", got)
	}
	if f := c.Facts(); f.SHA256 != sum || f.PID == 0 || f.Boundary != "none" || f.Protocol != 1 || len(f.Files) != 4 {
		t.Errorf("got %+v", f)
	}
	if got := asked(t, c, "status", "cmdline"); !strings.HasPrefix(got, path+"\x00child\x00serve") {
		t.Errorf("its arguments are %q", got)
	}
}

// TestStartInterpreted shows that an interpreter gets the sealed file, of which
// the shell is one.
func TestStartInterpreted(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("echo \"$0 $1\" >&2; exit 9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip(err)
	}
	_, err := host.Start(t.Context(), host.Command{Interpreter: []string{"sh"}, Path: script, Args: []string{"one"}}, host.Options{})
	if !errors.Is(err, host.ErrDied) || !strings.Contains(err.Error(), "/proc/self/fd/3 one") || !strings.Contains(err.Error(), "exit status 9") {
		t.Errorf("got %v", err)
	}
}

// TestStartWithLongTempDir shows that the socket's path stays short enough.
func TestStartWithLongTempDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 20))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := start(t, self("serve"), host.Options{TempDir: dir})
	if got := asked(t, c, "upper", "abc"); got != "ABC" {
		t.Errorf("got %q", got)
	}
}
