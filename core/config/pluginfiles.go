package config

import (
	"slices"
	"strings"
)

// PluginFiles are those that the configurations of plugins may have secrets in: which
// of the texts that look so are references, only a plugin's schema tells.
func (c *Config) PluginFiles() []string {
	var files []string
	var look func(v any)
	look = func(v any) {
		switch x := v.(type) {
		case string:
			if path, found := strings.CutPrefix(x, "file:"); found && path != "" {
				files = append(files, c.Path(path))
			}
		case map[string]any:
			for _, inner := range x {
				look(inner)
			}
		case []any:
			for _, inner := range x {
				look(inner)
			}
		}
	}
	for i := range c.Transforms {
		look(c.Transforms[i].Config)
	}
	for i := range c.Auth {
		look(c.Auth[i].Config)
	}
	slices.Sort(files)
	return slices.Compact(files)
}
