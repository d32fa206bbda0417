package sdktest_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/sdktest"
)

func TestParseHandshake(t *testing.T) {
	own, _, err := sdktest.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	cert := base64.RawStdEncoding.EncodeToString(own.Certificate[0])
	for _, c := range []struct{ name, line, want string }{
		{"whole", "1|1|unix|/d/s|grpc|" + cert, ""},
		{"with multiplexing", "1|1|unix|/d/s|grpc|" + cert + "|true", ""},
		{"Windows line end", "1|1|unix|/d/s|grpc|" + cert + "\r", ""},
		{"no certificate", "1|1|unix|/d/s|grpc|", ""},
		{"five fields", "1|1|unix|/d/s|grpc", ""},
		{"something else", "listening on 8080", "the first line on stdout is"},
		{"too many fields", "1|1|unix|/d/s|grpc|a|b|c", "the first line on stdout is"},
		{"core protocol", "2|1|unix|/d/s|grpc|", "core protocol is"},
		{"version", "1|one|unix|/d/s|grpc|", "protocol version is"},
		{"negative version", "1|-1|unix|/d/s|grpc|", "protocol version is"},
		{"tcp", "1|1|tcp|127.0.0.1:1|grpc|", "network is"},
		{"elsewhere", "1|1|unix|/tmp/s|grpc|", "is not in the directory"},
		{"out of the directory", "1|1|unix|/d/../s|grpc|", "is not in the directory"},
		{"no address", "1|1|unix||grpc|", "is not in the directory"},
		{"netrpc", "1|1|unix|/d/s|netrpc|", "rpc protocol is"},
		{"padded", "1|1|unix|/d/s|grpc|QQ==", "base64 without padding"},
		{"no X.509", "1|1|unix|/d/s|grpc|QUJD", "the handshake's certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := sdktest.ParseHandshake(c.line, "/d")
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v: want %q", err, c.want)
			}
		})
	}
}

func FuzzParseHandshake(f *testing.F) {
	f.Add("1|1|unix|/d/s|grpc|QUJD")
	f.Add("1|1|unix|/d/s|grpc")
	f.Add("hello\x00|\xff")
	f.Fuzz(func(t *testing.T, line string) {
		h, err := sdktest.ParseHandshake(line, "/d")
		if err != nil {
			if len(err.Error()) > 2048 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if !strings.HasPrefix(line, "1|") || !strings.Contains(line, "|unix|") || h == (sdktest.Handshake{}) {
			t.Errorf("%q is taken for a handshake", line)
		}
	})
}
