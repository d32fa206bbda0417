package config_test

import (
	"strings"
	"testing"
)

// TestCertificateRefuses is for files that are there and are no certificates;
// good ones load with the examples of the reference.
func TestCertificateRefuses(t *testing.T) {
	_, paths := write(t, "headgate.toml", `[[ingress]]
name = "public"
listen = "https://0.0.0.0:8443"
tls = { cert = "cert.pem", key = "key.pem", client_ca = "ca.pem" }
`, "cert.pem", "x", "key.pem", "x", "ca.pem", "x")
	_, err := load(paths[0])
	if err == nil {
		t.Fatal("it loads")
	}
	for _, want := range []string{
		":4:9: ingress[0].tls.cert: cert.pem and key.pem: tls: failed to find any PEM data",
		":4:45: ingress[0].tls.client_ca: ca.pem: no certificate in PEM",
	} {
		if !strings.Contains(err.Error(), paths[0]+want) {
			t.Errorf("%s is missing in\n%v", want, err)
		}
	}
}
