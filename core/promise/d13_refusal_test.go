package promise_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/headgate-io/headgate/core/supervisor"
)

// D13: what is no plugin, or not the one that was meant, never runs beside a
// router that works: it does not start, and says why and where. What may work
// another time is a fault for check alone.
func TestD13WrongPluginsAreRefused(t *testing.T) {
	beastly := func(more string) string { return transform(t, "beast", more) }
	for name, c := range map[string]struct{ command, text, want string }{
		"another file":       {"run", otherHash(beastly("")), `plugin file differs from its sha256: .* has [0-9a-f]{64}, expected was 0{64}; if you changed it, write the new hash`},
		"no hash":            {"run", strings.Replace(otherHash(beastly("")), strings.Repeat("0", 64), "", 1), `sha256: is required with path; if you trust .* as it is, write sha256 = "[0-9a-f]{64}"`},
		"a program":          {"check", transformOf(t, "beast", "/bin/true", ""), `plugin ended before it was ready: /bin/true: `},
		"a filter":           {"check", transformOf(t, "beast", "/bin/cat", ""), `plugin said nothing: /bin/cat did not say in 10s what it is`},
		"silence":            {"check", beastly(`env = { BEAST = "silent" }`), `plugin said nothing: .* did not say in 10s what it is`},
		"noise":              {"run", beastly(`env = { BEAST = "noise" }`), `plugin wrote something else before its address: it printed "beast is loading its model ..." to stdout`},
		"a later protocol":   {"run", beastly(`env = { BEAST = "tomorrow" }`), `the plugin speaks version 2, this router version 1; update the router, or use an older release of the plugin`},
		"another name":       {"run", strings.Replace(beastly(""), `plugin = "beast"`, `plugin = "lamb"`, 1), `it calls itself "beast", the configuration says plugin = "lamb"`},
		"no such kind":       {"run", beastly(`kind = "lamb"`), `plugin beast 1.0.0 has no transform "lamb": set kind to one of beast`},
		"dies when told":     {"check", beastly(`config = { fail = "exit" }`), `exit code 9`},
		"an unknown key":     {"run", beastly("config = { mark = \"beast\",\n  tooth = 3 }"), `headgate\.toml:\d+:3: transforms\[0\]\.config\.tooth: `},
		"a wrong kind":       {"run", beastly(`config = { mark = 3 }`), `headgate\.toml:\d+:\d+: transforms\[0\]\.config\.mark: want a string`},
		"an original beside": {"run", "[[transforms]]\nname = \"beast\"\nplugin = \"mask\"\nconfig = { fields = [\"/data/mark\"] }\n", `headgate\.toml:\d+:1: channels\[0\]\.keep_original: consumers would see what transform "beast" takes out`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			channels := tameConfig
			if name == "an original beside" {
				channels = strings.Replace(channels, "class = \"command\"", "class = \"command\"\nkeep_original = true", 1)
			}
			refused(t, c.command, channels+c.text, `headgate\.toml:\d+:\d+: `, c.want)
		})
	}
}

// otherHash is a transform whose file is not the one it names.
func otherHash(text string) string {
	return regexp.MustCompile(`sha256 = "[0-9a-f]{64}"`).ReplaceAllString(text, `sha256 = "`+strings.Repeat("0", 64)+`"`)
}

// refused wants a command to end with 1 and to say what fits.
func refused(t *testing.T, command, text string, want ...string) {
	t.Helper()
	dir := t.TempDir()
	configure(t, dir, text)
	refusedIn(t, dir, command, want...)
}

func refusedIn(t *testing.T, dir, command string, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, *binary, command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	for _, w := range want {
		if !regexp.MustCompile(w).Match(out) {
			t.Errorf("no %q in:\n%s", w, out)
		}
	}
}

// D13: what runs is what was hashed. A file that changes afterwards changes
// nothing of what runs, and never takes its place.
func TestD13WhatRunsIsWhatWasHashed(t *testing.T) {
	program := filepath.Join(t.TempDir(), "beast")
	genuine, err := os.ReadFile(*beast)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(by []byte) {
		t.Helper()
		if err := os.WriteFile(program, by, 0o700); err != nil { // the same file, not another in its place
			t.Fatal(err)
		}
	}
	replace(genuine)
	r := newRouter(t, tameConfig+transformOf(t, "beast", program, ""))
	l := newLedger(t)
	r.take(taking{channel: "orders"}, taming(l))
	r.says("check")
	changed := append([]byte{}, genuine...)
	changed = append(changed, "and a tail"...)
	replace(changed)
	refusedIn(t, r.dir, "check", `headgate\.toml:\d+:\d+: .*plugin file differs from its sha256`)

	r.sent(l, "before", tame("before", ""))
	r.eventually("what runs goes on", func() bool { return l.did("orders", "before") })
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", r.plugin("beast").PID)); err == nil && !strings.Contains(exe, "memfd:headgate-plugin") {
		t.Errorf("what runs is %s, which can be changed", exe)
	}
	r.signal(r.plugin("beast").PID, syscall.SIGKILL)
	r.eventually("what is not meant does not take its place", func() bool { return r.plugin("beast").State == supervisor.Quarantined })
	if p := r.plugin("beast"); !strings.Contains(p.LastError, "plugin file differs from its sha256") {
		t.Errorf("its last error is %s", p.LastError)
	}
	r.sent(l, "behind", tame("behind", ""))
	r.sent(l, "beside", marked("plain", "beside", "", ""))
	r.eventually("others are done", func() bool { return l.did("orders", "beside") })
	r.stop()
	refusedIn(t, r.dir, "run", `plugin file differs from its sha256`)
	if l.did("orders", "behind") {
		t.Error("UNTRANSFORMED: an event went without its transform")
	}
	replace(genuine)
	r.start()
	r.drained()
	l.balance(r, never)
}
