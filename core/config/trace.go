package config

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Trace is [trace].
type Trace struct {
	Endpoint string            `toml:"endpoint" default:"" doc:"of an OpenTelemetry collector that takes OTLP over HTTP, as in http://127.0.0.1:4318, to which /v1/traces is appended; https off loopback; empty for no traces"`
	Sample   Percent           `toml:"sample" default:"10%" doc:"of the events that bring no traceparent; one that brings one is traced where its producer traces it"`
	Headers  map[string]string `toml:"headers" doc:"what the collector wants, as in authorization: file:PATH or env:NAME of the whole value"`
	TLS      *TLS              `toml:"tls" doc:"who proves the collector, and the certificate that it wants"`

	AllowPlainHTTP bool `toml:"allow_plain_http" default:"false" doc:"plain HTTP to a collector off loopback; listed by check"`
}

// On tells whether there are traces.
func (t *Trace) On() bool { return t.Endpoint != "" }

// TraceHeaders reads the headers of [trace] by the rules of loading. Its error holds
// none of them.
func (c *Config) TraceHeaders() (map[string]string, error) {
	headers := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(c.Trace.Headers)) {
		value, err := c.traceHeader(name)
		if err != nil {
			return nil, fmt.Errorf("trace header %s: %w", name, err)
		}
		headers[name] = value
	}
	return headers, nil
}

func (c *Config) traceHeader(name string) (string, error) {
	var env []string
	if c.env != nil {
		env = c.env()
	}
	value, err := resolve(c.Trace.Headers[name], c.Dir, env)
	if err != nil {
		return "", err
	}
	if value == "" || strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		return "", errors.New("must be one line of printable ASCII characters")
	}
	return value, nil
}

// headerPattern is token of RFC 9110, section 5.6.2.
var headerPattern = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")

// exporterHeaders are those that OTLP itself needs.
var exporterHeaders = []string{"content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "host", "user-agent"}

// trace checks [trace].
func (k *checker) trace() {
	t := &k.c.Trace
	if t.TLS != nil {
		k.clientTLS(t.TLS, "trace.tls")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Headers)) {
		key := join("trace.headers", name)
		switch _, err := k.c.traceHeader(name); {
		case !headerPattern.MatchString(name):
			k.bad(key, "is not the name of a header")
		case slices.Contains(exporterHeaders, strings.ToLower(name)):
			k.bad(key, "is set by headgate itself")
		case err != nil:
			k.bad(key, "%v", err)
		}
	}
	if t.On() {
		k.traceEndpoint(t)
	}
}

// warnTrace warns of an override, and of what [trace] has to no use.
func (c *Config) warnTrace(warn func(key, format string, args ...any)) {
	if c.Trace.AllowPlainHTTP {
		warn("trace.allow_plain_http", "override: plain HTTP to a collector off loopback; whoever sees the traffic sees traces and their headers")
	}
	if t := &c.Trace; !t.On() && (len(t.Headers) > 0 || t.TLS != nil) {
		warn("trace.endpoint", "empty: headers and tls of [trace] serve nothing")
	}
}

func (k *checker) traceEndpoint(t *Trace) {
	const key, form = "trace.endpoint", `as in "http://127.0.0.1:4318" or "https://collector.example:4318"`
	u, err := url.Parse(t.Endpoint)
	switch {
	case err != nil: // it may repeat a password
		k.hint(key, form, "is no URL")
		return
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		k.hint(key, form, "must be an http or https URL")
		return
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		k.hint(key, `secrets go into headers = { authorization = "file:PATH" }`, "must have neither user nor query nor fragment")
		return
	case strings.HasSuffix(u.Path, "/"):
		k.bad(key, "take out the slash at the end")
		return
	case strings.HasSuffix(u.Path, "/v1/traces"):
		k.bad(key, "leave /v1/traces out: it is appended")
		return
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if at := (address{scheme: u.Scheme, ip: ip}); u.Scheme == "http" && (err != nil || !at.loopback()) && !t.AllowPlainHTTP {
		k.hint(key, "write https, or run a collector beside the router (a name is never loopback), or set allow_plain_http = true where the network itself is private",
			"traces off loopback need https")
	}
	if u.Scheme == "http" && t.TLS != nil {
		k.bad("trace.tls", "is for an endpoint with https")
	}
}
