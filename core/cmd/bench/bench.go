package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// bench is one run.
type bench struct {
	options
	dir    string // for everything that is written
	medium string // what dir is on
	self   string // this program, to be started in roles
	lib    libzmq
}

// target is one of the speed targets and how it is measured.
type target struct {
	name    string
	measure func(*bench, context.Context) ([]*row, error)
}

// targets is every target that this program measures, in order.
func targets() []target {
	return []target{
		{"S1", (*bench).sockets},
		{"S2", (*bench).telemetry},
		{"S3", (*bench).commands},
		{"S4", (*bench).batches},
		{"S5", (*bench).bearers},
		{"S6", (*bench).transforms},
		{"S7", (*bench).routes},
		{"S8", (*bench).footprint},
		{"S9", (*bench).flatness},
		{"S10", (*bench).oneAtATime},
		{"S11", (*bench).operators},
		{"J1", (*bench).journalAlone},
		{"J2", (*bench).identities},
		{"J3", (*bench).restarts},
	}
}

// measure runs what o.only names and returns its rows.
func measure(ctx context.Context, o options) ([]*row, error) {
	all := targets()
	for _, name := range o.only {
		if !slices.ContainsFunc(all, func(t target) bool { return t.name == name }) {
			return nil, fmt.Errorf("no target %s is measured here", name)
		}
	}
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o755); err != nil {
			return nil, fmt.Errorf("profiles: %w", err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	parent, medium, err := place(o.dir)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "headgate-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir, medium: medium, self: self, lib: compile(ctx, dir)}
	var rows []*row
	for _, t := range all {
		if len(o.only) > 0 && !slices.Contains(o.only, t.name) {
			continue
		}
		got, err := t.measure(b, ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		for _, r := range got {
			r.Target = t.name
		}
		rows = append(rows, got...)
	}
	return rows, nil
}

// place gives the directory for what is written: the one that is wanted, else
// one for temporary files, else, where those are in memory, the present one.
func place(wanted string) (dir, medium string, err error) {
	for _, dir = range []string{wanted, os.TempDir(), "."} {
		if dir == "" {
			continue
		}
		if dir, err = filepath.Abs(dir); err != nil {
			return "", "", err
		}
		inMemory, err := isMemory(dir)
		switch {
		case err != nil:
			return "", "", err
		case !inMemory:
			return dir, "in " + dir, nil
		case wanted != "":
			return dir, "in " + dir + ", which is in memory: it says nothing of a disk", nil
		}
	}
	return dir, "in " + dir + ", which is in memory as temporary files are: --dir names a directory on a disk", nil
}

// profile is where the process called name writes its CPU profile; empty for
// nowhere.
func (b *bench) profile(name string) string {
	if b.profiles == "" {
		return ""
	}
	return filepath.Join(b.profiles, name+".pprof")
}

// each takes turns for every round: one sample of each side.
func (b *bench) each(sides ...func() error) error {
	for range b.rounds {
		for _, side := range sides {
			if err := side(); err != nil {
				return err
			}
		}
	}
	return nil
}
