package process_test

import (
	"io/fs"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/headgate-io/headgate/core/process"
)

const (
	mounts2 = "24 1 0:22 / /proc rw,nosuid - proc proc rw\n30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	mounts1 = "30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
		"32 23 0:28 / /sys/fs/cgroup/memory rw shared:9 master:1 - cgroup cgroup rw,memory\n"
	inside1 = "32 23 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
	blank2  = "30 23 0:26 / /a\\040b/cgroup rw - cgroup2 cgroup2 rw\n"
)

// host is the file system of a host, as far as cgroups go.
func host(membership, mounts string, files map[string]string) fs.FS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	if membership != "" {
		out["proc/self/cgroup"] = &fstest.MapFile{Data: []byte(membership)}
		out["proc/self/mountinfo"] = &fstest.MapFile{Data: []byte(mounts)}
	}
	return out
}

func TestLimitMemory(t *testing.T) {
	const gib = 1 << 30
	for name, c := range map[string]struct {
		membership, mounts string
		files              map[string]string
		want               int64
	}{
		"no cgroups":         {"", "", nil, 0},
		"container":          {"0::/\n", mounts2, map[string]string{"sys/fs/cgroup/memory.max": "1073741824\n"}, gib},
		"unlimited":          {"0::/\n", mounts2, map[string]string{"sys/fs/cgroup/memory.max": "max\n"}, 0},
		"host":               {"0::/user.slice\n", mounts2, nil, 0},
		"service":            {"0::/system.slice/headgate.service\n", mounts2, map[string]string{"sys/fs/cgroup/system.slice/headgate.service/memory.max": "1073741824\n"}, gib},
		"slice is less":      {"0::/system.slice/headgate.service\n", mounts2, map[string]string{"sys/fs/cgroup/system.slice/memory.max": "1073741824\n", "sys/fs/cgroup/system.slice/headgate.service/memory.max": "2147483648\n"}, gib},
		"service is less":    {"0::/system.slice/headgate.service\n", mounts2, map[string]string{"sys/fs/cgroup/system.slice/memory.max": "2147483648\n", "sys/fs/cgroup/system.slice/headgate.service/memory.max": "1073741824\n"}, gib},
		"throttled":          {"0::/a\n", mounts2, map[string]string{"sys/fs/cgroup/a/memory.max": "2147483648\n", "sys/fs/cgroup/a/memory.high": "1073741824\n"}, gib},
		"not throttled":      {"0::/a\n", mounts2, map[string]string{"sys/fs/cgroup/a/memory.max": "1073741824\n", "sys/fs/cgroup/a/memory.high": "max\n"}, gib},
		"another's":          {"0::/a\n", mounts2, map[string]string{"sys/fs/cgroup/b/memory.max": "1073741824\n"}, 0},
		"odd mount":          {"0::/x\n", blank2, map[string]string{"a b/cgroup/x/memory.max": "1073741824\n"}, gib},
		"version 1":          {"8:pids:/\n4:memory:/a/b\n0::/\n", mounts1, map[string]string{"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1073741824\n", "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "9223372036854771712\n"}, gib},
		"version 1 no limit": {"4:cpu,memory:/a\n", mounts1, map[string]string{"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"version 1 inside":   {"4:memory:/docker/abc\n", inside1, map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n"}, gib},
		"not mounted":        {"0::/\n", mounts1[strings.Index(mounts1, "\n")+1:], nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
			before := debug.SetMemoryLimit(-1)
			got, err := process.LimitMemory(host(c.membership, c.mounts, c.files))
			if err != nil {
				t.Fatal(err)
			}
			if got.Cgroup != c.want {
				t.Errorf("cgroup may take %d, want %d", got.Cgroup, c.want)
			}
			now := debug.SetMemoryLimit(-1)
			if c.want == 0 && now != before {
				t.Errorf("limited to %d without a reason", now)
			}
			if c.want > 0 && (now >= c.want || now < c.want/100*89 || got.Limit != now) {
				t.Errorf("limited to %d, says %d, of %d", now, got.Limit, c.want)
			}
		})
	}
}

// TestOwnMemoryLimit: what the environment says goes over the cgroup.
func TestOwnMemoryLimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 40)) // as the runtime does at the start
	t.Setenv("GOMEMLIMIT", "1TiB")
	got, err := process.LimitMemory(host("0::/\n", mounts2, map[string]string{"sys/fs/cgroup/memory.max": "1073741824\n"}))
	if err != nil || got != (process.Memory{Limit: 1 << 40}) || debug.SetMemoryLimit(-1) != 1<<40 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLimitMemoryRefuses(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	for name, root := range map[string]fs.FS{
		"no size":   host("0::/\n", mounts2, map[string]string{"sys/fs/cgroup/memory.max": "much\n"}),
		"negative":  host("0::/\n", mounts2, map[string]string{"sys/fs/cgroup/memory.max": "-1\n"}),
		"no mounts": fstest.MapFS{"proc/self/cgroup": {Data: []byte("0::/\n")}},
	} {
		if got, err := process.LimitMemory(root); err == nil || got != (process.Memory{}) || debug.SetMemoryLimit(-1) != before {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func FuzzLimitMemory(f *testing.F) {
	f.Add("0::/\n", mounts2, "1073741824\n", "sys/fs/cgroup/memory.max")
	f.Add("4:memory:/docker/abc\n", inside1, "9223372036854771712\n", "sys/fs/cgroup/memory/memory.limit_in_bytes")
	f.Add("0::/../..\n", blank2, "max", "a b/cgroup/memory.max")
	f.Fuzz(func(t *testing.T, membership, mounts, limit, name string) {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
		got, err := process.LimitMemory(host(membership, mounts, map[string]string{name: limit}))
		if err != nil || got.Cgroup == 0 {
			return
		}
		if said, err := strconv.ParseInt(strings.TrimSpace(limit), 10, 64); err != nil || said != got.Cgroup {
			t.Errorf("%d of %q", got.Cgroup, limit)
		}
	})
}
