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
	dir  string // for everything that is written
	self string // this program, to be started in roles
	lib  libzmq
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
		{"S7", (*bench).routes},
		{"S8", (*bench).footprint},
		{"S9", (*bench).flatness},
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
	dir, err := os.MkdirTemp("", "headgate-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir, self: self, lib: compile(ctx, dir)}
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
