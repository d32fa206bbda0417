package config

import (
	"maps"
	"slices"
	"strings"
)

// LogParts lists the parts of a router that have a log level of their own.
func LogParts() []string {
	return []string{"admin", "audit", "channel", "ingress", "intake", "journal", "keys", "plugin", "reload", "replies", "trace"}
}

// LogLevels lists the levels, each with those behind it in it.
func LogLevels() []string { return []string{"debug", "info", "warn", "error"} }

// log checks [log] levels.
func (k *checker) log() {
	for _, part := range slices.Sorted(maps.Keys(k.c.Log.Levels)) {
		key, level := join("log.levels", part), k.c.Log.Levels[part]
		switch {
		case !slices.Contains(LogParts(), part):
			k.hint(key, didYouMean(part, LogParts()), "no part has that name: they are %s", strings.Join(LogParts(), ", "))
		case !slices.Contains(LogLevels(), level):
			k.hint(key, didYouMean(level, LogLevels()), "%q must be one of %s", level, strings.Join(LogLevels(), ", "))
		}
	}
}
