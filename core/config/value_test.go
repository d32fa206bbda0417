package config_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/config"
)

// TestValues reads each text, and reads what it was written as again.
func TestValues(t *testing.T) {
	type text interface {
		encoding.TextMarshaler
		encoding.TextUnmarshaler
		fmt.Stringer
	}
	var (
		duration = func() text { return new(config.Duration) }
		size     = func() text { return new(config.Size) }
		share    = func() text { return new(config.Share) }
		rate     = func() text { return new(config.PerSecond) }
		percent  = func() text { return new(config.Percent) }
		prefix   = func() text { return new(config.Prefix) }
	)
	for _, c := range []struct {
		new      func() text
		in, want string // want is empty for a refusal
	}{
		{duration, "30s", "30s"}, {duration, "0s", "0s"}, {duration, "7d", "7d"}, {duration, "24h", "24h"},
		{duration, "1h30m", "1h30m"}, {duration, "90m", "1h30m"}, {duration, "1d12h", "36h"}, {duration, "2d1ms", "2d1ms"},
		{duration, "1.5s", "1.5s"}, {duration, "10m", "10m"}, {duration, "106751d", "106751d"}, {duration, "1h10s", "1h0m10s"},
		{duration, "", ""}, {duration, "30", ""}, {duration, "-1s", ""}, {duration, "+1s", ""}, {duration, "1d-1s", ""},
		{duration, "d", ""}, {duration, "1.5d", ""}, {duration, "1h1d", ""}, {duration, "106752d", ""}, {duration, "106751d24h", ""},
		{duration, "9999999999h", ""}, {duration, " 1s", ""}, {duration, "1 s", ""}, {duration, "1d1d", ""}, {duration, ".5s", ""},

		{size, "1MiB", "1MiB"}, {size, "64KiB", "64KiB"}, {size, "256B", "256B"}, {size, "1kB", "1kB"}, {size, "1MB", "1MB"},
		{size, "1024KiB", "1MiB"}, {size, "0B", "0B"}, {size, "8388607TiB", "8388607TiB"}, {size, "1536KiB", "1536KiB"},
		{size, "", ""}, {size, "1", ""}, {size, "MiB", ""}, {size, "1.5MiB", ""}, {size, "-1B", ""}, {size, "1mib", ""},
		{size, "1KB", ""}, {size, "8388608TiB", ""}, {size, "1 MiB", ""}, {size, "1MiB ", ""}, {size, "1_0B", ""}, {size, "1BB", ""},

		{share, "25%", "25%"}, {share, "100%", "100%"}, {share, "1%", "1%"}, {share, "64MiB", "64MiB"},
		{share, "0%", ""}, {share, "101%", ""}, {share, "%", ""}, {share, "0B", ""}, {share, "25", ""}, {share, "-1%", ""}, {share, "2.5%", ""},

		{rate, "1000/s", "1000/s"}, {rate, "0/s", "0/s"}, {rate, "0.5/s", "0.5/s"},
		{rate, "1000", ""}, {rate, "/s", ""}, {rate, "inf/s", ""}, {rate, "NaN/s", ""}, {rate, "-1/s", ""}, {rate, "1e3/s", ""}, {rate, "1.2.3/s", ""}, {rate, "1000/m", ""},

		{percent, "10%", "10%"}, {percent, "0%", "0%"}, {percent, "100%", "100%"}, {percent, "0.1%", "0.1%"}, {percent, "5.0%", "5%"},
		{percent, "10", ""}, {percent, "%", ""}, {percent, "100.1%", ""}, {percent, "-1%", ""}, {percent, "NaN%", ""}, {percent, "1e1%", ""}, {percent, "", ""},

		{prefix, "10.0.0.0/8", "10.0.0.0/8"}, {prefix, "fd00::/8", "fd00::/8"}, {prefix, "192.0.2.1/32", "192.0.2.1/32"},
		{prefix, "", ""}, {prefix, "10.0.0.0", ""}, {prefix, "10.0.0.1/8", ""}, {prefix, "10.0.0.0/33", ""}, {prefix, "proxy/8", ""},
	} {
		v := c.new()
		err := v.UnmarshalText([]byte(c.in))
		if (err != nil) != (c.want == "") {
			t.Errorf("%T of %q: error %v", v, c.in, err)
			continue
		}
		if err != nil {
			continue
		}
		out, err := v.MarshalText()
		if err != nil || string(out) != c.want || v.String() != c.want {
			t.Errorf("%T of %q gives %q and %q, %v; want %q", v, c.in, out, v, err, c.want)
		}
		again := c.new()
		if err := again.UnmarshalText(out); err != nil || again.String() != v.String() {
			t.Errorf("%T: %q reads as %v, %v", v, out, again, err)
		}
	}
}

func TestDurationOfADay(t *testing.T) {
	var d config.Duration
	if err := d.UnmarshalText([]byte("1d1h")); err != nil || time.Duration(d) != 25*time.Hour {
		t.Errorf("1d1h is %v, %v", time.Duration(d), err)
	}
}

func TestShareOf(t *testing.T) {
	for _, c := range []struct {
		share       config.Share
		total, want config.Size
	}{
		{config.Share{Percent: 25}, 1000, 250},
		{config.Share{Percent: 100}, 1<<63 - 1, 1<<63 - 1},
		{config.Share{Percent: 50}, 3, 1},
		{config.Share{Size: 64}, 1000, 64},
		{config.Share{Size: 2000}, 1000, 1000},
	} {
		if got := c.share.Of(c.total); got != c.want {
			t.Errorf("%v of %d is %d, want %d", c.share, c.total, got, c.want)
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	secret := config.Secret("hunter2")
	key := config.Key{ID: "k", Material: secret}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%08.3f", "%T %[1]v"} {
		fmt.Fprintf(&out, verb+"\n", secret)
		fmt.Fprintf(&out, verb+"\n", key)
		fmt.Fprintf(&out, verb+"\n", &key)
		fmt.Fprintf(&out, verb+"\n", []config.Secret{secret})
	}
	fmt.Fprintln(&out, secret, secret.String(), secret.GoString())
	for _, v := range []any{secret, key, map[string]config.Secret{"s": secret}} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	text, err := secret.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, shown := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), "104 117", "0x68", "aHVudGVyMg", "1101000"} {
		if strings.Contains(out.String(), shown) {
			t.Errorf("%q shows the secret:\n%s", shown, out.String())
		}
	}
	if string(secret.Reveal()) != "hunter2" {
		t.Error("Reveal does not give the material")
	}
}

func TestLoopback(t *testing.T) {
	for text, want := range map[string]bool{
		"http://127.0.0.1:80": true, "tcp://127.255.0.9:1": true, "http://[::1]:80": true, "ipc:///run/x": true,
		"http://localhost:80": false, "http://0.0.0.0:80": false, "http://[::]:80": false, "http://128.0.0.1:80": false,
		"http://[::ffff:127.0.0.1]:80": false, "http://[::1%lo]:80": false, "tcp://127.0.0.1.nip.io:1": false, "tcp://127.1:1": false,
	} {
		if got, err := config.Loopback(text); err != nil || got != want {
			t.Errorf("%s: loopback %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestPrivate(t *testing.T) {
	for _, c := range []struct {
		mode             fs.FileMode
		ofRoot, readOnly bool
		want             bool
	}{
		{0o600, false, false, true}, {0o400, true, false, true}, {0o700, false, false, true},
		{0o640, false, false, false}, {0o604, false, false, false}, {0o601, false, false, false}, {0o620, false, false, false},
		{0o644, true, false, false}, {0o644, false, true, false}, {0o644, true, true, true},
	} {
		if got := config.Private(c.mode, c.ofRoot, c.readOnly); got != c.want {
			t.Errorf("%04o, of root %v, read-only %v: %v", c.mode, c.ofRoot, c.readOnly, got)
		}
	}
}
