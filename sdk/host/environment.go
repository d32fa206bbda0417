package host

import (
	"maps"
	"os"
	"slices"
	"strings"
)

// searchPath is the PATH of every plugin, and where its interpreter is looked for.
// It is not the router's own: what that holds depends on who started it.
const searchPath = "/usr/local/bin:/usr/bin:/bin"

// inherited are the variables of the router that a plugin gets when they are set.
// They say where trusted certificates lie and what time it is here. Proxies are
// not among them, for their addresses may hold passwords: who needs one gives it.
var inherited = []string{"SSL_CERT_DIR", "SSL_CERT_FILE", "TZ"}

// environment is exactly what a plugin gets. handshake is what go-plugin and we
// tell it.
func environment(own map[string]string, handshake []string) []string {
	vars := map[string]string{"PATH": searchPath, "LANG": "C.UTF-8"}
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			vars[name] = value
		}
	}
	maps.Copy(vars, own)
	for _, v := range handshake {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	list := make([]string, 0, len(vars))
	for name, value := range vars {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// shown is an environment without the values that the operator gave: they may
// be secret.
func shown(environment []string, own map[string]string) []string {
	list := slices.Clone(environment)
	for i, v := range list {
		name, _, _ := strings.Cut(v, "=")
		if _, given := own[name]; given {
			list[i] = name + "=[redacted]"
		}
	}
	return list
}
