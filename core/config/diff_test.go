package config_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

// diffed is what differs between two files, a line for each.
func diffed(t *testing.T, was, now string) string {
	t.Helper()
	var lines []string
	for _, c := range config.Diff(parseUnchecked(t, was), parseUnchecked(t, now)) {
		lines = append(lines, fmt.Sprintf("%s: %s -> %s", c.Key, c.Was, c.Now))
	}
	return strings.Join(lines, "\n")
}

func TestDiffNamesTables(t *testing.T) {
	const was = `
[[channels]]
name = "a"
class = "command"
[[channels]]
name = "b"
class = "command"
prefetch = 3
[[auth]]
name = "k"
kind = "hmac"
[[auth.keys]]
id = "one"
principal = "p"
[[auth.keys]]
id = "two"
principal = "p"
[[grants]]
auth = "k"
sources = ["x"]
types = ["y"]
[log]
level = "debug"
`
	for name, tt := range map[string]struct{ old, new, want string }{
		"nothing":           {"", "", ""},
		"a scalar":          {`level = "debug"`, `level = "warn"`, `log.level: "debug" -> "warn"`},
		"back to default":   {`level = "debug"`, ``, `log.level: "debug" -> "info"`},
		"in a named table":  {"prefetch = 3", "prefetch = 4", "channels.b.prefetch: 3 -> 4"},
		"in one within one": {"id = \"two\"\nprincipal = \"p\"", "id = \"two\"\nprincipal = \"q\"", `auth.k.keys.two.principal: "p" -> "q"`},
		"a table is gone":   {"[[channels]]\nname = \"a\"\nclass = \"command\"\n", "", `channels.a: "a" -> `},
		"a table is new":    {"[[auth.keys]]\nid = \"two\"", "[[auth.keys]]\nid = \"new\"\nprincipal = \"p\"\n[[auth.keys]]\nid = \"two\"", `auth.k.keys.new:  -> "new"`},
		"another name":      {`name = "b"`, `name = "c"`, "channels.c:  -> \"c\"\nchannels.b: \"b\" -> "},
		"without a name":    {`types = ["y"]`, `types = ["y", "z"]`, `grants[0].types: ["y"] -> ["y", "z"]`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := diffed(t, was, strings.Replace(was, tt.old, tt.new, 1)); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// filled is a configuration where every key has a value that hangs on n, of
// tables of one class or the other.
func filled(n int, other bool) *config.Config {
	c := new(config.Config)
	fill(reflect.ValueOf(c).Elem(), n)
	c.Ingress[0].Listen, c.Channels[0].Class = fmt.Sprintf("https://192.0.2.%d:1", n), "command"
	if other {
		c.Ingress[0].Listen, c.Channels[0].Class = fmt.Sprintf("tcp://192.0.2.%d:1", n), "telemetry"
		c.Auth[0].Plugin.Name, c.Auth[0].Path = "", ""
	}
	return c
}

func fill(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.Struct:
		switch text := v.Addr().Interface().(type) {
		case *config.Prefix:
			text.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n)}), 16)
			return
		case *config.Share:
			text.Percent = n
			return
		}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			switch {
			case !field.IsExported() || field.Tag.Get("toml") == "-":
			case field.Name == "Name" && field.Tag.Get("toml") == "name", field.Name == "ID":
				v.Field(i).SetString("x")
			default:
				fill(v.Field(i), n)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case reflect.Array:
		v.Index(0).SetUint(uint64(n))
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("m"), value)
	case reflect.Interface:
		v.Set(reflect.ValueOf(int64(n)))
	case reflect.String:
		v.SetString(fmt.Sprint("v", n))
	case reflect.Bool:
		v.SetBool(n%2 == 1)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Float64:
		v.SetFloat(float64(n))
	}
}

// Every key that can differ is told, whatever its type, and no rule about it
// fails on one.
func TestDiffTellsEveryKey(t *testing.T) {
	for _, other := range []bool{false, true} {
		was, now := filled(1, other), filled(2, other)
		told := make(map[string]bool)
		for _, c := range append(config.Diff(was, now), config.Diff(now, was)...) {
			told[c.Key] = true
		}
		tables := strings.NewReplacer("ingress[0]", "ingress.x", "tokens[0]", "tokens.x", "clients[0]", "clients.x", "auth[0]", "auth.x", "keys[0]", "keys.x",
			"event_keys[0]", "event_keys.x", "transforms[0]", "transforms.x", "channels[0]", "channels.x", "peers[0]", "peers.x", "routes[0]", "routes.x")
		before, differ := make(map[string]string), 0
		for _, s := range was.Effective() {
			before[s.Key] = s.Value
		}
		for _, s := range now.Effective() {
			if s.Value == before[s.Key] {
				continue
			}
			differ++
			if key := tables.Replace(s.Key); !told[key] {
				t.Errorf("%s differs and is not told", key)
			}
		}
		if differ < 100 {
			t.Errorf("%d keys differ: not all were filled", differ)
		}
		for _, empty := range []*config.Config{new(config.Config), filled(2, !other)} { // what is absent, or of another class
			config.Diff(was, empty)
			config.Diff(empty, was)
		}
	}
}

func TestDiffOfTables(t *testing.T) {
	const was = `
[[ingress]]
name = "a.b"
listen = "https://h:1"
tls = { cert = "c", key = "k" }
[[ingress]]
name = "a"
listen = "http://h:2"
[[ingress]]
name = "abc"
listen = "http://h:5"
[[channels]]
name = "c"
class = "telemetry"
connect = ["tcp://h:3"]
[[grants]]
auth = "one"
sources = ["s"]
types = ["t"]
[[grants]]
auth = "two"
sources = ["s"]
types = ["t"]
match = { client = ["x"] }
[[routes]]
name = "r1"
type = ["1"]
[[routes]]
name = "r2"
type = ["2"]
[[routes]]
name = "r3"
type = ["3"]
[[routes]]
name = "r4"
type = ["4"]
[log]
levels = { intake = "debug" }
`
	const one, two = "[[grants]]\nauth = \"one\"\nsources = [\"s\"]\ntypes = [\"t\"]\n", "[[grants]]\nauth = \"two\"\nsources = [\"s\"]\ntypes = [\"t\"]\nmatch = { client = [\"x\"] }\n"
	const r2, r3 = "[[routes]]\nname = \"r2\"\ntype = [\"2\"]\n", "[[routes]]\nname = \"r3\"\ntype = [\"3\"]\n"
	for name, tt := range map[string]struct{ old, new, want string }{
		"a dot in a name":               {`"https://h:1"`, `"https://h:4"`, `ingress."a.b".listen: "https://h:1" -> "https://h:4"`},
		"an optional table is gone":     {`tls = { cert = "c", key = "k" }`, ``, `ingress."a.b".tls: {cert = "c", key = "k"} -> `},
		"an optional table is new":      {`"http://h:2"`, "\"http://h:2\"\ntls = { cert = \"d\" }", `ingress.a.tls:  -> {cert = "d"}`},
		"an empty one is new":           {`connect = ["tcp://h:3"]`, "connect = [\"tcp://h:3\"]\ntls = {}", `channels.c.tls:  -> {}`},
		"the first without a name":      {one, ``, `grants[0]: {auth = "one", sources = ["s"], types = ["t"]} -> `},
		"the last without a name":       {two, ``, `grants[1]: {auth = "two", match.client = ["x"], sources = ["s"], types = ["t"]} -> `},
		"the same once more":            {two, two + two, `grants[2]:  -> {auth = "two", match.client = ["x"], sources = ["s"], types = ["t"]}`},
		"without a name, another order": {one + two, two + one, ``},
		"a new one among them":          {two, "[[grants]]\nauth = \"n\"\nsources = [\"s\"]\ntypes = [\"t\"]\n" + two, `grants[1]:  -> {auth = "n", sources = ["s"], types = ["t"]}`},
		"routes in another order":       {r2 + r3, r3 + r2, `routes: ["r2", "r3"] -> ["r3", "r2"]`},
		"a route in between":            {r3, "[[routes]]\nname = \"new\"\ntype = [\"n\"]\n" + r3, `routes.new:  -> "new"`},
		"a route is gone":               {r2, ``, `routes.r2: "r2" -> `},
		"a key of a free table":         {`intake = "debug"`, `intake = "debug", admin = "warn"`, `log.levels.admin:  -> "warn"`},
		"a name begins as another's": {"[[ingress]]\nname = \"abc\"\nlisten = \"http://h:5\"\n", "[[ingress]]\nname = \"ab\"\nlisten = \"http://h:7\"\n[[ingress]]\nname = \"abc\"\nlisten = \"http://h:6\"\n",
			"ingress.ab:  -> \"ab\"\ningress.abc.listen: \"http://h:5\" -> \"http://h:6\""},
		"in the order of Config": {"connect = [\"tcp://h:3\"]\n" + one, "connect = [\"tcp://h:4\"]\n",
			"grants[0]: {auth = \"one\", sources = [\"s\"], types = [\"t\"]} -> \nchannels.c.connect: [\"tcp://h:3\"] -> [\"tcp://h:4\"]"},
		"a name within another's": {"[[ingress]]\nname = \"a\"\nlisten = \"http://h:2\"\n", ``, `ingress.a: "a" -> `},
		"one beside it changes, too": {"tls = { cert = \"c\", key = \"k\" }\n[[ingress]]\nname = \"a\"\nlisten = \"http://h:2\"\n", "tls = { cert = \"d\", key = \"k\" }\n",
			"ingress.\"a.b\".tls.cert: \"c\" -> \"d\"\ningress.a: \"a\" -> "},
	} {
		t.Run(name, func(t *testing.T) {
			if n := strings.Count(was, tt.old); n != 1 {
				t.Fatalf("%q stands there %d times", tt.old, n)
			}
			if got := diffed(t, was, strings.Replace(was, tt.old, tt.new, 1)); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestDiffLeavesFilesOfKeysOut: they are followed by themselves.
func TestDiffLeavesFilesOfKeysOut(t *testing.T) {
	with := func(dir string, keys ...config.Key) *config.Config {
		return &config.Config{Auth: []config.Auth{{Name: "k", Kind: "hmac", KeyDir: dir, Keys: keys}}}
	}
	one, two := config.Key{ID: "one", Principal: "p"}, config.Key{ID: "two", Principal: "p"}
	for name, tt := range map[string]struct {
		was, now *config.Config
		want     int
	}{
		"the same directory": {with("dir:a", one), with("dir:a", two), 0},
		"another directory":  {with("dir:a", one), with("dir:b", two), 3},
		"no directory":       {with("", one), with("", two), 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := config.Diff(tt.was, tt.now); len(got) != tt.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestRoutesInAnotherOrderWeaken(t *testing.T) {
	const a, b = "[[routes]]\nname = \"a\"\ntype = [\"x\"]\n", "[[routes]]\nname = \"b\"\ntype = [\"x\"]\n"
	if changes := config.Diff(parseUnchecked(t, a+b), parseUnchecked(t, b+a)); len(changes) != 1 || !changes[0].Weakens {
		t.Errorf("%+v", changes)
	}
}

func TestKeyOf(t *testing.T) {
	for want, steps := range map[string][]string{
		"channels.commands.prefetch": {"channels", "commands", "prefetch"},
		`ingress."a.b".listen`:       {"ingress", "a.b", "listen"},
		"limits":                     {"limits"},
	} {
		if got := config.KeyOf(steps...); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzDiff holds any two configurations to this: one does not differ from itself,
// and the way back is of the same keys, with the values the other way round.
func FuzzDiff(f *testing.F) {
	f.Add(everything, everything)
	f.Add(everything, "")
	f.Add("[[grants]]\nauth = \"a\"\n[[grants]]\nauth = \"b\"", "[[grants]]\nauth = \"b\"\n[[grants]]\nauth = \"c\"")
	f.Add("[[routes]]\nname = \"a\"\n[[routes]]\nname = \"b\"\n[[routes]]\nname = \"a\"", "[[routes]]\nname = \"b\"\n[[routes]]\nname = \"a\"")
	f.Add("[[auth]]\nname = \"a\"\nplugin = \"p\"\n[auth.config]\nx = { y = 1 }", "[[auth]]\nname = \"a\"\nkind = \"hmac\"\n[[auth.keys]]\nid = \"a.b\"")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, one, other string) {
		a, errA := config.Parse([]byte(one), "x.toml", dir, config.Options{Unchecked: true, Env: []string{}})
		b, errB := config.Parse([]byte(other), "x.toml", dir, config.Options{Unchecked: true, Env: []string{}})
		if errA != nil || errB != nil {
			return
		}
		if same := config.Diff(a, a); len(same) > 0 {
			t.Errorf("it differs from itself: %+v", same)
		}
		back := make(map[string]config.Change)
		for _, c := range config.Diff(b, a) {
			back[c.Key] = c
		}
		there := config.Diff(a, b)
		for _, c := range there {
			if r, told := back[c.Key]; !told || r.Was != c.Now || r.Now != c.Was {
				t.Errorf("%+v, and back %+v", c, r)
			}
		}
		if len(there) != len(back) {
			t.Errorf("%d changes, and %d back", len(there), len(back))
		}
	})
}
