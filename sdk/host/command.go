package host

import (
	"errors"
	"fmt"
)

// Command is how a plugin is started: by Path, by Self, or by Interpreter with
// Path.
type Command struct {
	Path        string   // the executable, or what Interpreter runs; empty with Self
	Self        []string // arguments to run this very binary with, such as plugin serve jq
	Interpreter []string // such as python3 -I; Path is then one file (.py, .pyz), which it finds as /proc/self/fd/3
	Args        []string // arguments after Path

	// SHA256 is that of Path's content, in hexadecimal. What runs is what was
	// hashed, even if the file changes in between; of an interpreted plugin it
	// covers that one file, not the interpreter and what it imports. It is empty
	// only for tools whose user names the file himself.
	SHA256 string

	// Env is given beyond what every plugin gets, and wins over it: PATH =
	// /usr/local/bin:/usr/bin:/bin, LANG = C.UTF-8, the router's own TZ,
	// SSL_CERT_FILE and SSL_CERT_DIR where they are set, and what starts it
	// (HEADGATE_PLUGIN, HEADGATE_PLUGIN_LOG, PLUGIN_...). Nothing else of the
	// router's environment reaches it, proxies included: their addresses may
	// hold passwords.
	Env map[string]string
	// User is the name of the user to run as, for which the router needs the
	// right to change users: neither root by any name nor the router's own, which
	// are no boundary. Without it a plugin can do what the router can.
	User   string
	Limits Limits
}

// Limits bound what one plugin process takes. Zero is no limit. A program has
// them before its first instruction, and so has all that it forks: for that the
// router traces its start, for which it needs ptrace(2). This very binary gets
// them just after it began. None of them may leave a core dump, whose memory may
// hold secrets.
type Limits struct {
	Memory    uint64 // bytes of data: heap, stacks and private mappings (RLIMIT_DATA)
	Files     uint64 // open files (RLIMIT_NOFILE)
	Processes uint64 // processes and threads of its user, all taken together (RLIMIT_NPROC); not for root
	CPU       uint64 // seconds of processor time, after which it is killed (RLIMIT_CPU)
}

// check finds a command that says nothing, or two things.
func (c *Command) check() error {
	switch {
	case c.Path == "" && len(c.Self) == 0:
		return errors.New("plugin command: it names no path to run")
	case c.Path != "" && len(c.Self) > 0:
		return fmt.Errorf("plugin command: either the path %s or this binary itself can be run, not both", c.Path)
	case len(c.Self) > 0 && (len(c.Interpreter) > 0 || c.SHA256 != ""):
		return errors.New("plugin command: this binary itself needs neither an interpreter nor a hash")
	}
	return nil
}
