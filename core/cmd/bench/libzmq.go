package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed testdata/zmqthr.c
var libzmqSource []byte

// libzmq is a compiled program of libzmq sockets, or the reason for its absence.
type libzmq struct {
	path    string
	version string
	missing string
	plain   bool // it was built without CURVE
}

// compile makes the program in dir.
func compile(ctx context.Context, dir string) libzmq {
	const install = "install libzmq3-dev, pkg-config and a C compiler"
	ask := func(what string) (string, error) {
		out, err := exec.CommandContext(ctx, "pkg-config", what, "libzmq").Output()
		return strings.TrimSpace(string(out)), err
	}
	version, err := ask("--modversion")
	if err != nil {
		return libzmq{missing: install}
	}
	cflags, err := ask("--cflags")
	if err != nil {
		return libzmq{missing: install}
	}
	libs, err := ask("--libs")
	if err != nil {
		return libzmq{missing: install}
	}
	source, program := filepath.Join(dir, "zmqthr.c"), filepath.Join(dir, "zmqthr")
	if err := os.WriteFile(source, libzmqSource, 0o600); err != nil {
		return libzmq{missing: err.Error()}
	}
	args := append([]string{"-O2", "-o", program, source}, strings.Fields(cflags+" "+libs)...)
	if out, err := exec.CommandContext(ctx, "cc", args...).CombinedOutput(); err != nil {
		return libzmq{missing: fmt.Sprintf("%s (cc: %v: %s)", install, err, out)}
	}
	return libzmq{path: program, version: version, plain: exec.CommandContext(ctx, program, "curve").Run() != nil}
}

// missingFor is the reason why connections of m cannot be measured; empty for none.
func (l libzmq) missingFor(m mechanism) string {
	if l.missing == "" && l.plain && m.secret != "" {
		return "this libzmq was built without CURVE"
	}
	return l.missing
}

// push is what rows call libzmq's own sender.
func (l libzmq) push() string { return l.socket("PUSH") }

// pull is what rows call libzmq's own receiver.
func (l libzmq) pull() string { return l.socket("PULL") }

func (l libzmq) socket(kind string) string {
	if l.path == "" {
		return "libzmq " + kind
	}
	return "libzmq " + l.version + " " + kind
}

// name is what rows call the consumer at the other end.
func (l libzmq) name() string {
	if l.path == "" {
		return "a Go consumer (for libzmq's, " + l.missing + ")"
	}
	return "libzmq " + l.version
}
