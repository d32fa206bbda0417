package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/host"
)

// target is a plugin as a person names it: a shipped one, an executable, a
// Python file, or a directory with the source of one.
type target struct {
	what        string
	interpreter []string
	scratch     string // where what is built lies; empty when nothing is
	build       func(ctx context.Context, to string) (path string, err error)
	source      string // the directory that is built
	product     string // the file that a router is to run: what was named, or what is built by again
	again       string // the command that a person builds it with; empty without source
	built       int
}

// targetFlags are what such a command says of a plugin.
type targetFlags struct {
	interpreter string
	kind        string
	config      string
}

func (f *targetFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.interpreter, "interpreter", "python3 -I", "`command` that runs a .py or .pyz")
	cmd.Flags().StringVar(&f.kind, "kind", "", "which of its `kinds`; empty for its only one")
	cmd.Flags().StringVar(&f.config, "config-json", "{}", "its configuration as a `JSON` object, or @FILE of one")
}

// configJSON is the configuration that was given.
func (f *targetFlags) configJSON() (string, error) {
	if file, ok := strings.CutPrefix(f.config, "@"); ok {
		text, err := os.ReadFile(file)
		return string(text), err
	}
	return f.config, nil
}

// newTarget finds what a person means. The caller closes it.
func newTarget(what string, f *targetFlags) (*target, error) {
	t := &target{what: what, product: what}
	if _, ok := bundledNamed(what); ok {
		return t, nil
	}
	st, err := os.Stat(what)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: neither a file nor a shipped plugin: those are %s", what, strings.Join(bundledNames(), ", "))
	case err != nil:
		return nil, err
	case !st.IsDir():
		if ext := filepath.Ext(what); ext == ".py" || ext == ".pyz" {
			t.interpreter = strings.Fields(f.interpreter)
		} else if st.Mode()&0o111 == 0 {
			return nil, fmt.Errorf("%s is not executable: chmod +x %s", what, what)
		}
		return t, nil
	}
	t.source = what
	whole, err := filepath.Abs(what)
	if err != nil {
		return nil, err
	}
	switch {
	case isFile(filepath.Join(what, "__main__.py")):
		t.interpreter = strings.Fields(f.interpreter)
		t.build = func(_ context.Context, to string) (string, error) { return to + ".pyz", packPython(what, to+".pyz") }
		t.product, t.again = whole+".pyz", "headgate plugin pack "+what
	case isFile(filepath.Join(what, "main.go")) || isFile(filepath.Join(what, "go.mod")):
		t.build = func(ctx context.Context, to string) (string, error) { return to, buildGo(ctx, what, to) }
		name := filepath.Base(whole)
		t.product, t.again = filepath.Join(what, name), "(cd "+what+" && go build -o "+name+" .)"
	default:
		return nil, fmt.Errorf("%s: no plugin's source: want a main.go, or for Python a __main__.py", what)
	}
	t.scratch, err = os.MkdirTemp("", "headgate-plugin-")
	return t, err
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

func buildGo(ctx context.Context, dir, to string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", to, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("building %s needs Go: %w", dir, err)
		}
		return fmt.Errorf("%s does not build:\n%s", dir, strings.TrimSpace(string(out)))
	}
	return nil
}

// command builds what there is to build, and says how to start it. Each time it
// is another file: what runs is never written to.
func (t *target) command(ctx context.Context) (host.Command, error) {
	if _, ok := bundledNamed(t.what); ok {
		return host.Command{Self: []string{"plugin", "serve", t.what}}, nil
	}
	c := host.Command{Path: t.what, Interpreter: t.interpreter}
	if t.build != nil {
		t.built++
		var err error
		if c.Path, err = t.build(ctx, filepath.Join(t.scratch, fmt.Sprintf("plugin-%d", t.built))); err != nil {
			return host.Command{}, err
		}
	}
	var err error
	c.Path, err = filepath.Abs(c.Path)
	return c, err
}

// changed is when the newest of the target's files was written.
func (t *target) changed() time.Time {
	root := t.what
	var newest time.Time
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it went while we looked: the next look tells
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") || d.Name() == "__pycache__" {
			return filepath.SkipDir
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return nil
	})
	return newest
}

func (t *target) close() {
	if t.scratch != "" {
		_ = os.RemoveAll(t.scratch)
	}
}

// plugins completes an argument: with shipped plugins and files, and where these
// are meant also with the configuration's transforms.
func (a *app) plugins(transforms bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names := bundledNames()
		if cfg, err := config.Load(a.files, config.Options{Unchecked: true}); err == nil && transforms {
			for _, t := range cfg.Transforms {
				names = append(names, t.Name)
			}
			for _, auth := range cfg.Auth {
				if auth.OfTokens() {
					names = append(names, auth.Name)
				}
			}
		}
		slices.Sort(names)
		return slices.Compact(names), cobra.ShellCompDirectiveDefault
	}
}
