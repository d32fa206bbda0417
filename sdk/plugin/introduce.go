package plugin

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/headgate-io/headgate/sdk"
)

// introduce says what this program is to somebody who runs it by hand, and exits.
func introduce(p *sdk.Plugin) {
	if slices.Contains(os.Args[1:], "--help") || slices.Contains(os.Args[1:], "-h") {
		fmt.Print(introduction(p))
		os.Exit(0)
	}
	fmt.Fprint(os.Stderr, introduction(p))
	os.Exit(1)
}

func introduction(p *sdk.Plugin) string {
	text := fmt.Sprintf("%s %s is a plugin of headgate, an event router, which starts it by itself.\n\n", p.Name, p.Version)
	for _, k := range p.Transforms {
		text += described("transform", k.Name, k.Doc)
	}
	for _, k := range p.Providers {
		text += described("provider", k.Name, k.Doc)
	}
	path, sum := self()
	return text + fmt.Sprintf("\nTo use it, name it in headgate.toml:\n\n  path   = %q\n  sha256 = %q\n", path, sum)
}

func described(what, name, doc string) string {
	if doc != "" {
		doc = ": " + doc
	}
	return fmt.Sprintf("  %s %s%s\n", what, name, doc)
}

// self is this executable's path and hash, as far as they can be found.
func self() (path, sum string) {
	path, err := os.Executable()
	if err != nil {
		return "", ""
	}
	f, err := os.Open(path)
	if err != nil {
		return path, ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return path, ""
	}
	return path, fmt.Sprintf("%x", h.Sum(nil))
}
