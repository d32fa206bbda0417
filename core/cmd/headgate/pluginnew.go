package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"golang.org/x/mod/semver"

	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/python"
)

//go:embed all:scaffold
var scaffold embed.FS

const sdkModule = "github.com/headgate-io/headgate"

var pluginName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// blank is what a new plugin's files are written with.
type blank struct {
	Name    string // as in TOML
	Module  string // of Python, which nobody else has
	Class   string
	Version string // of the SDK
	Replace string // the SDK's directory, where it is no release
}

func (a *app) pluginNewCommand() *cobra.Command {
	var kind, lang, sdk string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Write a plugin that works, with its test, into the directory NAME",
		Args:  cobra.ExactArgs(1),
		RunE: do(func(cmd *cobra.Command, args []string) error {
			name := args[0]
			if !pluginName.MatchString(name) || len(name) > 64 {
				return fmt.Errorf("plugin name %q: want lower-case letters and digits, with inner hyphens, as in mask-card", name)
			}
			if _, shipped := bundledNamed(name); shipped {
				return fmt.Errorf("%s is the name of a shipped plugin: choose another", name)
			}
			if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is there already: choose another name", name)
			}
			b := blank{Name: name, Module: strings.ReplaceAll(name, "-", "_") + "_plugin", Class: className(name)}
			switch lang {
			case "go":
				return a.newGo(cmd, b, kind, sdk)
			case "python":
				return a.newPython(b, kind)
			}
			return fmt.Errorf("--lang %s: there are go and python", lang)
		}),
	}
	cmd.Flags().StringVar(&kind, "kind", "transform", "transform, or provider of identities")
	cmd.Flags().StringVar(&lang, "lang", "go", "go or python")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"transform", "provider"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"go", "python"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringVar(&sdk, "sdk", "", "Go: `directory` of headgate's source, to build against instead of a release")
	return cmd
}

// className is a plugin's name as that of a class: say-it is SayIt.
func className(name string) string {
	var class strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		class.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return class.String()
}

// fill writes the files of one template directory.
func (b *blank) fill(from, to string) error {
	files, err := fs.ReadDir(scaffold, "scaffold/"+from)
	if err != nil {
		return fmt.Errorf("--kind: there are transform and provider")
	}
	for _, f := range files {
		t, err := template.ParseFS(scaffold, "scaffold/"+from+"/"+f.Name())
		if err != nil {
			return err
		}
		var text bytes.Buffer
		if err := t.Execute(&text, b); err != nil {
			return err
		}
		name := strings.TrimSuffix(f.Name(), ".tmpl")
		if strings.HasSuffix(name, ".py") {
			name = strings.Replace(name, "plugin", b.Module, 1)
		}
		if err := os.WriteFile(filepath.Join(to, name), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) newGo(cmd *cobra.Command, b blank, kind, sdk string) error {
	if b.Version = version; !semver.IsValid(version) {
		b.Version = "v0.0.0"
		if b.Replace = findSDK(sdk); b.Replace == "" {
			return fmt.Errorf("this headgate is no release, so its SDK cannot be downloaded: give the directory of its source by --sdk")
		}
	} else if sdk != "" {
		b.Replace = findSDK(sdk)
	}
	if sdk != "" && b.Replace == "" {
		return fmt.Errorf("--sdk %s: it has no go.mod of %s", sdk, sdkModule)
	}
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("a plugin in Go needs Go: %w", err)
	}
	if err := os.Mkdir(b.Name, 0o755); err != nil {
		return err
	}
	if err := b.fill("go-"+kind, b.Name); err != nil {
		return errors.Join(err, os.Remove(b.Name))
	}
	mod := fmt.Sprintf("module example.com/%s\n\ngo 1.26\n\nrequire %s %s\n", b.Name, sdkModule, b.Version)
	if b.Replace != "" {
		mod += fmt.Sprintf("\nreplace %s => %s\n", sdkModule, b.Replace)
		if sum, err := os.ReadFile(filepath.Join(b.Replace, "go.sum")); err == nil { // the same modules, so nothing is asked for
			_ = os.WriteFile(filepath.Join(b.Name, "go.sum"), sum, 0o644)
		}
	}
	if err := os.WriteFile(filepath.Join(b.Name, "go.mod"), []byte(mod), 0o644); err != nil {
		return err
	}
	tidy := exec.CommandContext(cmd.Context(), "go", "mod", "tidy")
	tidy.Dir = b.Name
	if out, err := tidy.CombinedOutput(); err != nil {
		return fmt.Errorf("%s is written, but go mod tidy fails there: %w\n%s", b.Name, err, out)
	}
	if err := buildGo(cmd.Context(), b.Name, filepath.Join(b.Name, b.Name)); err != nil {
		return err
	}
	return a.tellNew(b, kind, filepath.Join(b.Name, b.Name), nil, "(cd "+b.Name+" && go test ./...)", "(cd "+b.Name+" && go build -o "+b.Name+" .)")
}

// findSDK is where headgate's source lies: where it was said to, around the
// current directory, or where this binary was built; empty for nowhere.
func findSDK(said string) string {
	if said != "" {
		if dir, err := filepath.Abs(said); err == nil && isSDK(dir) {
			return dir
		}
		return ""
	}
	_, here, _, _ := runtime.Caller(0)
	starts := []string{filepath.Dir(here)}
	if dir, err := os.Getwd(); err == nil {
		starts = append([]string{dir}, starts...)
	}
	for _, dir := range starts {
		for filepath.IsAbs(dir) && dir != filepath.Dir(dir) {
			if isSDK(dir) {
				return dir
			}
			dir = filepath.Dir(dir)
		}
	}
	return ""
}

func isSDK(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && bytes.HasPrefix(text, []byte("module "+sdkModule+"\n"))
}

func (a *app) newPython(b blank, kind string) error {
	if err := os.Mkdir(b.Name, 0o755); err != nil {
		return err
	}
	if err := b.fill("python-"+kind, b.Name); err != nil {
		return errors.Join(err, os.Remove(b.Name))
	}
	if err := os.CopyFS(b.Name, python.SDK); err != nil {
		return err
	}
	pyz := b.Name + ".pyz"
	if err := packPython(b.Name, pyz); err != nil {
		return err
	}
	return a.tellNew(b, kind, pyz, []string{"python3", "-I"}, "(cd "+b.Name+" && python3 -m unittest)", "headgate plugin pack "+b.Name)
}

// tellNew says what to do next.
func (a *app) tellNew(b blank, kind, file string, interpreter []string, test, again string) error {
	sum, err := sha256File(file)
	if err != nil {
		return err
	}
	a.printf("Written: %s, with its test.\n\n  %s\n", b.Name+string(filepath.Separator), test)
	if kind == "transform" {
		a.printf("  headgate plugin dev %s      sends an event through it; again whenever you change it\n", b.Name)
	}
	if kind == "provider" {
		a.printf("  headgate plugin test %s --alg ES256 --config-json '%s'\n      every rule that a router relies on\n", b.Name, sampleKeys)
	} else {
		a.printf("  headgate plugin test %s     every rule that a router relies on\n", b.Name)
	}
	if interpreter != nil {
		a.printf("\nIt needs python3-grpcio, python3-protobuf and python3-cryptography (Debian), or the\nsame from pip.\n")
	}
	a.printf("\nThe router runs %s, and nothing else: the hash pins this very file. After a change:\n  %s\n  headgate plugin inspect %s     prints the new hash; a router takes it with its next start\n", file, again, file)
	d := host.Description{Name: b.Name}
	if kind == "transform" {
		d.Transforms = []host.Transform{{Name: b.Name}}
	} else {
		d.Providers = []host.Provider{{Name: b.Name, Schema: json.RawMessage(`{"required": ["keys"]}`)}}
	}
	a.printf("\nIn headgate.toml:\n\n%s", a.pluginTOML(&d, file, sum, interpreter))
	return nil
}

// sampleKeys is a configuration of the provider that is written: the key of its test.
const sampleKeys = `{"keys": [{"kty":"EC","crv":"P-256","kid":"k1","use":"sig","alg":"ES256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`
