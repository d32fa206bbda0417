package tracing_test

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/tracing"
)

// TestEnvironment: variables of OpenTelemetry change nothing, whatever they are set to.
func TestEnvironment(t *testing.T) {
	headers := func(c *collector) []string { return slices.Sorted(maps.Keys(c.requests[0].Header)) }
	plain := newCollector(t)
	r := run(t, tracing.Options{Endpoint: plain.URL})
	taken(t, r.Tracer, 1)
	r.end()

	other := newCollector(t)
	ca := filepath.Join(t.TempDir(), "none.pem")
	if err := os.WriteFile(ca, []byte(planted), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"ENDPOINT": other.URL, "INSECURE": "false", "HEADERS": "x=" + planted + ",user-agent=" + planted, "COMPRESSION": "gzip", "TIMEOUT": "1",
		"PROTOCOL": "http/json", "CERTIFICATE": ca, "CLIENT_CERTIFICATE": ca, "CLIENT_KEY": ca,
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_"+name, value)
		t.Setenv("OTEL_EXPORTER_OTLP_TRACES_"+name, value)
	}
	for name, value := range map[string]string{
		"SDK_DISABLED": "true", "SERVICE_NAME": planted, "RESOURCE_ATTRIBUTES": "x=" + planted + ",service.instance.id=" + planted + ",nonsense", "GO_X_OBSERVABILITY": "true", "GO_X_RESOURCE": "true",
		"TRACES_EXPORTER": "none", "TRACES_SAMPLER": "always_off", "TRACES_SAMPLER_ARG": "0",
		"BSP_MAX_QUEUE_SIZE": "1", "BSP_MAX_EXPORT_BATCH_SIZE": "1", "BSP_SCHEDULE_DELAY": "3600000", "BSP_EXPORT_TIMEOUT": "1",
		"SPAN_ATTRIBUTE_COUNT_LIMIT": "1", "SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1", "ATTRIBUTE_COUNT_LIMIT": "1", "ATTRIBUTE_VALUE_LENGTH_LIMIT": "1",
		"SPAN_EVENT_COUNT_LIMIT": "1", "SPAN_LINK_COUNT_LIMIT": "1", "EVENT_ATTRIBUTE_COUNT_LIMIT": "1", "LINK_ATTRIBUTE_COUNT_LIMIT": "1",
	} {
		t.Setenv("OTEL_"+name, value)
	}
	c := newCollector(t)
	c.answers(func(w http.ResponseWriter, request int) { // later than in a millisecond
		time.Sleep(5 * time.Millisecond)
		c.take(c.body(request))
	})
	r = run(t, tracing.Options{Endpoint: c.URL})
	taken(t, r.Tracer, 700)
	eventually(t, "they arrive", func() bool { return r.Stats().Exported == 700 })
	r.end()
	if other.asked() != 0 || c.asked() > 10 {
		t.Errorf("%d requests elsewhere, %d here", other.asked(), c.asked())
	}
	if want, got := headers(plain), headers(c); !slices.Equal(got, want) || c.requests[0].URL.Path != "/v1/traces" || c.requests[0].Header.Get("User-Agent") != "headgate/1.2.3" {
		t.Errorf("%s %v, want headers %v", c.requests[0].URL, c.requests[0].Header, want)
	}
	if want := map[string]string{"service.name": "headgate", "service.version": "1.2.3", "service.instance.id": "i1"}; !maps.Equal(c.resource, want) || !maps.Equal(plain.resource, want) {
		t.Errorf("resource: %v", c.resource)
	}
	was, is := plain.one("accept"), c.got()["accept"][0]
	if len(is.Attributes) != len(was.Attributes) || attribute(is, "cloudevents.event_source") != "//shop" || is.DroppedAttributesCount != 0 {
		t.Errorf("the span is %v", is)
	}
	for _, body := range c.bodies {
		if strings.Contains(string(body), planted) {
			t.Error("what a variable says is in the trace")
		}
	}
	if log := r.log.String(); log != "" {
		t.Errorf("log: %s", log)
	}
}

// TestSilence: what OpenTelemetry's libraries say of such variables goes nowhere.
func TestSilence(t *testing.T) {
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEnvironment$") // they look for standard error as a process begins
	var said bytes.Buffer
	again.Stderr = &said
	if out, err := again.Output(); err != nil || said.Len() > 0 {
		t.Errorf("%v\n%s\nstandard error: %s", err, out, &said)
	}
}

// TestProxy: a proxy that the environment names is not asked. Go asks it for no
// address of loopback; this one leads there and is none.
func TestProxy(t *testing.T) {
	c := newCollector(t)
	r := run(t, tracing.Options{Endpoint: strings.Replace(c.URL, "127.0.0.1", "0.0.0.0", 1)})
	taken(t, r.Tracer, 1)
	r.end()
	if c.asked() != 1 {
		t.Errorf("%d requests, log: %s", c.asked(), r.log.String())
	}
}
