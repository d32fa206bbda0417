package process

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// hierarchy is one of cgroups that limits memory, as far as this process sees it.
type hierarchy struct {
	mount string   // where its top lies, without the slash in front
	below string   // of this process, from there
	files []string // that have a limit: what is beyond is killed, or made to wait
}

// hierarchies reads /proc/self/cgroup (cgroups(7)) and /proc/self/mountinfo
// (proc_pid_mountinfo(5)). Lines that it cannot make sense of are none.
func hierarchies(membership, mounts string) []hierarchy {
	var out []hierarchy
	for line := range strings.Lines(membership) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) < 3 {
			continue
		}
		h, kind, option := hierarchy{files: []string{"memory.limit_in_bytes"}}, "cgroup", "memory"
		switch {
		case fields[0] == "0" && fields[1] == "":
			h.files, kind, option = []string{"memory.max", "memory.high"}, "cgroup2", ""
		case !slices.Contains(strings.Split(fields[1], ","), "memory"):
			continue
		}
		if h.find(mounts, kind, option, fields[2]) {
			out = append(out, h)
		}
	}
	return out
}

// find looks where a hierarchy is mounted, and where a cgroup is in it.
func (h *hierarchy) find(mounts, kind, option, cgroup string) bool {
	for line := range strings.Lines(mounts) {
		mount, filesystem, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		place, of := strings.Fields(mount), strings.Fields(filesystem)
		if !ok || len(place) < 5 || len(of) < 3 || of[0] != kind || option != "" && !slices.Contains(strings.Split(of[2], ","), option) {
			continue
		}
		h.mount = strings.TrimPrefix(path.Clean(unescaped(place[4])), "/")
		top := strings.TrimSuffix(unescaped(place[3]), "/") // a container may see a part of it alone
		if below, inside := strings.CutPrefix(cgroup, top); inside {
			h.below = path.Clean("/" + below)
		}
		return true
	}
	return false
}

// unescaped takes out what mountinfo has of blanks and backslashes: \ and three
// octal digits.
func unescaped(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}

// least is the lowest limit from the cgroup of this process up to the mount.
func (h *hierarchy) least(root fs.FS) (int64, error) {
	least := int64(none)
	for at := "/" + strings.TrimPrefix(h.below, "/"); ; at = path.Dir(at) {
		for _, file := range h.files {
			limit, err := readLimit(root, strings.TrimPrefix(path.Join("/", h.mount, at, file), "/"))
			if err != nil {
				return 0, err
			}
			least = min(least, limit)
		}
		if at == "/" {
			return least, nil
		}
	}
}

// readLimit reads the file of a limit. The topmost cgroup has none.
func readLimit(root fs.FS, name string) (int64, error) {
	text, err := fs.ReadFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return 0, err
	}
	said := strings.TrimSpace(string(text))
	if said == "max" {
		return none, nil
	}
	limit, err := strconv.ParseInt(said, 10, 64)
	if err != nil || limit < 0 {
		return 0, fmt.Errorf("/%s: %q is no size", name, said)
	}
	return min(limit, none), nil
}
