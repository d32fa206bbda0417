package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// The modes of [audit].
const (
	AuditRequired   = "required"
	AuditBestEffort = "best_effort"
	AuditOff        = "off"
)

// Audit is [audit].
type Audit struct {
	Mode       string   `toml:"mode" default:"required" enum:"required,best_effort,off" doc:"required: nothing is accepted, and no operator acts, while it cannot be written; best_effort: they go on, and the log says so; off: there is none"`
	MaxFile    Size     `toml:"max_file" default:"64MiB" doc:"a file is sealed then, and another begun" min:"1MiB" max:"1GiB"`
	Retain     Duration `toml:"retain" default:"400d" doc:"how long records are kept, file by file" min:"1d" max:"3650d"`
	Checkpoint Duration `toml:"checkpoint" default:"10s" doc:"between two signed checkpoints" min:"1s" max:"1h"`
	Export     []string `toml:"export" doc:"where checkpoints go besides: file:PATH, stdout: or an https URL that takes PUT; without any, whoever has the disk can rewrite the log unseen"`
	Key        string   `toml:"key" default:"" doc:"file:PATH of the audit key (Ed25519, PKCS #8 PEM); empty for one made with the log"`
	Origin     string   `toml:"origin" default:"" doc:"names the log in its checkpoints, as in router-1.example/audit; empty for a name made of the key"`
}

// On tells whether there is an audit log.
func (a *Audit) On() bool { return a.Mode != AuditOff }

// AuditExports are the exports with paths that start from the directory of the file.
func (c *Config) AuditExports() []string {
	out := make([]string, len(c.Audit.Export))
	for i, name := range c.Audit.Export {
		if path, ok := strings.CutPrefix(name, "file:"); ok {
			name = "file:" + c.Path(path)
		}
		out[i] = name
	}
	return out
}

// AuditPath is the file of the audit key that [audit] names; empty for none.
func (c *Config) AuditPath() string {
	path, found := strings.CutPrefix(c.Audit.Key, "file:")
	if !found {
		return ""
	}
	return c.Path(path)
}

// ReadAuditKey reads the file that [audit] names, by the rules of loading: nobody
// else may read it. Its error holds nothing of it.
func (c *Config) ReadAuditKey() ([]byte, error) {
	text, err := readPrivate(c.AuditPath())
	if err != nil {
		return nil, fmt.Errorf("audit key %s: %w", c.Audit.Key, err)
	}
	return text, nil
}

const maxOrigin = 128

// audit checks [audit].
func (k *checker) audit() {
	a := &k.c.Audit
	for i, name := range a.Export {
		if err := checkExport(name); err != "" {
			k.bad(item("audit.export", i), "%s", err)
		}
	}
	if a.Key != "" && !strings.HasPrefix(a.Key, "file:") {
		k.bad("audit.key", "want file:PATH")
	}
	if strings.ContainsAny(a.Origin, "+ \t\r\n") || len(a.Origin) > maxOrigin {
		k.bad("audit.origin", "at most %d characters, no spaces and no plus sign", maxOrigin)
	}
}

func checkExport(name string) (fault string) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		if path == "" {
			return "file: names no file"
		}
		return ""
	}
	if name == "stdout:" {
		return ""
	}
	u, err := url.Parse(name)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "want file:PATH, stdout: or an https URL"
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && (err != nil || !ip.IsLoopback()) {
		return "plain http is for a loopback address alone: write https"
	}
	return ""
}
