package config

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// External tells a plugin of one's own from a shipped one.
func (p *Plugin) External() bool { return p.Path != "" }

// pluginPattern is that of the names of plugins and of their kinds, as
// sdk.Plugin has it.
var pluginPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

const pluginRule = "must be 1 to 64 of a-z, 0-9 and inner hyphens"

// plugin checks the keys of a plugin in the table at key. What the plugin
// itself says is for whoever starts it.
func (k *checker) plugin(p *Plugin, key string) {
	at := join(key, "plugin")
	switch {
	case p.Name == "":
		k.bad(at, "is required")
	case !pluginPattern.MatchString(p.Name):
		k.bad(at, "%s", pluginRule)
	case k.spots.has(join(key, "path")):
	case k.shipped != nil && !slices.Contains(k.shipped, p.Name):
		hint := didYouMean(p.Name, k.shipped)
		if hint == "" {
			hint = "there are " + strings.Join(k.shipped, ", ") + "; one of your own needs path and sha256"
		}
		k.hint(at, hint, "no plugin %q is shipped", p.Name)
	}
	if k.spots.has(join(key, "path")) {
		k.program(p, key)
	} else {
		for _, name := range []string{"sha256", "command"} {
			if k.spots.has(join(key, name)) {
				k.hint(join(key, name), "a shipped plugin is part of headgate", "needs path")
			}
		}
	}
	k.env(p.Env, join(key, "env"))
	k.user(p.User, join(key, "user"))
	k.pluginLimits(p, join(key, "limits"))
}

var (
	sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
	// interpreted lists the ends of files that run by an interpreter: one file
	// is all that sha256 covers.
	interpreted = []string{".py", ".pyz"}
)

// program checks what runs for a plugin of one's own.
func (k *checker) program(p *Plugin, key string) {
	at := join(key, "path")
	script := slices.Contains(interpreted, filepath.Ext(p.Path))
	file, err := openRegular(k.c.Path(p.Path))
	if err == nil {
		defer file.Close()
	}
	switch {
	case p.Path == "":
		k.bad(at, "must not be empty")
	case err != nil:
		k.bad(at, "%s: %v", p.Path, err)
	case script && len(p.Command) == 0:
		k.hint(at, `add command = ["python3", "-I"]`, "%s does not run by itself", p.Path)
	case !script && len(p.Command) > 0:
		k.hint(at, "pack it into one with python3 -m zipapp", "with command it must be one file, .py or .pyz")
	}
	k.command(p.Command, join(key, "command"))
	if !sha256Pattern.MatchString(p.SHA256) {
		k.pin(p, file, join(key, "sha256"))
	}
}

// pin says what to write for a hash that is missing or is none. file is nil
// where there is none.
func (k *checker) pin(p *Plugin, file *os.File, key string) {
	text, hint := "is required with path", "sha256sum "+p.Path+" prints it, and so does headgate plugin inspect "+p.Path
	if p.SHA256 != "" {
		text = "must be 64 hexadecimal digits, in lower case"
	}
	if file != nil {
		h := sha256.New()
		if _, err := io.Copy(h, file); err == nil {
			hint = fmt.Sprintf("if you trust %s as it is, write sha256 = \"%x\"", p.Path, h.Sum(nil))
		}
	}
	k.hint(key, hint, "%s", text)
}

// command checks an interpreter. A relative path would depend on where the
// router was started.
func (k *checker) command(command []string, key string) {
	if command == nil {
		return
	}
	switch {
	case len(command) == 0 || command[0] == "":
		k.hint(key, `as in command = ["python3", "-I"]`, "needs an interpreter")
	case strings.Contains(command[0], "/") && !filepath.IsAbs(command[0]):
		k.bad(item(key, 0), "must be a name, or a path from the root")
	}
	for i, arg := range command {
		if strings.ContainsRune(arg, 0) {
			k.bad(item(key, i), "must not have a zero byte")
		}
	}
}

// variablePattern is what a shell can name.
var variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// reserved lists the beginnings of variables that are not an operator's: those
// by which router and plugin find each other, and those that would have the
// plugin run what sha256 does not cover.
var reserved = []string{"HEADGATE_", "PLUGIN_", "LD_", "DYLD_"}

// env checks the variables of a plugin's process. Others can read them, so a
// reference to a secret is in the wrong place.
func (k *checker) env(env map[string]string, key string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		at, value := join(key, name), env[name]
		switch {
		case !variablePattern.MatchString(name):
			k.bad(at, "is no name of a variable")
		case slices.ContainsFunc(reserved, func(prefix string) bool { return strings.HasPrefix(name, prefix) }):
			k.bad(at, "is not for a plugin: names with %s are reserved", strings.Join(reserved, ", "))
		case isReference(value) || isSecret(value):
			k.hint(at, "give it in config, where the plugin wants a secret", "others can read variables: they hold no secrets")
		case strings.ContainsRune(value, 0):
			k.bad(at, "must not have a zero byte")
		}
	}
}

// userPattern is that of names of users (useradd(8)), and of some more.
var userPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`)

func (k *checker) user(user, key string) {
	switch {
	case user == "":
	case user == "root":
		k.bad(key, "is no boundary: root can do everything")
	case !userPattern.MatchString(user):
		k.bad(key, "must be the name of a user")
	}
}

func (k *checker) pluginLimits(p *Plugin, key string) {
	if p.Limits.Processes > 0 && p.User == "" {
		k.hint(join(key, "processes"), "add user", "counts those of the router, too, where the plugin has no user of its own")
	}
	if cpu := time.Duration(p.Limits.CPU); cpu%time.Second != 0 {
		k.bad(join(key, "cpu"), "%v must be whole seconds", p.Limits.CPU)
	}
}
