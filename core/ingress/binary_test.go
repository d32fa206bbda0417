package ingress_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/sdk"
)

// TestBinaryMode reads events as the CloudEvents HTTP binding 1.0.2, section
// 3.1, writes them.
func TestBinaryMode(t *testing.T) {
	base := map[string]string{"Ce-Id": "1", "Ce-Source": "/a", "Ce-Type": "t", "Ce-Specversion": "1.0"}
	const core = `"id":"1","source":"/a","specversion":"1.0","type":"t"`
	for _, c := range []struct {
		name        string
		headers     map[string]string
		contentType string
		body        string
		want        string // the event, or a text of the problem
	}{
		{"json", nil, "application/json", ` {"a": 1} ` + "\n", `{` + core + `,"datacontenttype":"application/json","data":{"a": 1}}`},
		{"json by suffix", nil, "application/vnd.x+json; charset=utf-8", `"x"`, `{` + core + `,"datacontenttype":"application/vnd.x+json; charset=utf-8","data":"x"}`},
		{"no type is json", nil, "", `[1]`, `{` + core + `,"data":[1]}`},
		{"no data", nil, "application/json", ``, `{` + core + `,"datacontenttype":"application/json"}`},
		{"text", nil, "text/plain", "a b\n", `{` + core + `,"datacontenttype":"text/plain","data_base64":"YSBiCg=="}`},
		{"bytes", nil, "application/octet-stream", "\x00\xff", `{` + core + `,"datacontenttype":"application/octet-stream","data_base64":"AP8="}`},
		{"percent", map[string]string{"Ce-Subject": "Euro%20%e2%82%AC%20%F0%9F%98%80"}, "", "", `{` + core + `,"subject":"Euro € 😀"}`},
		{"needless percent", map[string]string{"Ce-Subject": "%61b"}, "", "", `{` + core + `,"subject":"ab"}`},
		{"plus stays", map[string]string{"Ce-Subject": "a+b"}, "", "", `{` + core + `,"subject":"a+b"}`},
		{"one round only", map[string]string{"Ce-Subject": "%2541"}, "", "", `{` + core + `,"subject":"%41"}`},
		{"quotes", map[string]string{"Ce-Subject": `"a \"b\\ c"`}, "", "", `{` + core + `,"subject":"a \"b\\ c"}`},
		{"an extension", map[string]string{"Ce-Traceparent": "00-1"}, "", "", `{` + core + `,"traceparent":"00-1"}`},
		{"markup", map[string]string{"Ce-Subject": "<a>&"}, "", "", `{` + core + `,"subject":"<a>&"}`},

		{"datacontenttype", map[string]string{"Ce-Datacontenttype": "a/b"}, "", "", "ce-datacontenttype is Content-Type"},
		{"data", map[string]string{"Ce-Data": "1"}, "", "", "ce-data is no attribute"},
		{"data_base64", map[string]string{"Ce-Data_base64": "1"}, "", "", "ce-data_base64 is no attribute"},
		{"not UTF-8", map[string]string{"Ce-Subject": "%C0%A0"}, "", "", "ce-subject: it is not UTF-8"},
		{"half a surrogate pair", map[string]string{"Ce-Subject": "%ED%A0%80"}, "", "", "ce-subject: it is not UTF-8"},
		{"raw UTF-8", map[string]string{"Ce-Subject": "é"}, "", "", "percent-encoded"},
		{"broken percent", map[string]string{"Ce-Subject": "%4"}, "", "", "its encoding is broken"},
		{"broken quotes", map[string]string{"Ce-Subject": `"a`}, "", "", "its encoding is broken"},
		{"ends in a backslash", map[string]string{"Ce-Subject": `"a\`}, "", "", "its encoding is broken"},
		{"body is not JSON", nil, "application/json", "a", "the body is not"},
		{"white space that is not JSON's", nil, "application/json", "\u00a01", "the body is not"},
		{"more of it", nil, "", "1\u0085", "the body is not"},
		{"and a form feed", nil, "", "1\f", "the body is not"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			for name, value := range base {
				h[name] = []string{value}
			}
			for name, value := range c.headers {
				h[name] = []string{value}
			}
			if c.contentType != "" {
				h.Set("Content-Type", c.contentType)
			}
			got, err := ingress.Structured(h, []byte(c.body))
			if err != nil || !strings.HasPrefix(c.want, "{") {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %s, %v, want %s", got, err, c.want)
				}
				return
			}
			if !sameMembers(string(got), c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if _, err := sdk.ParseEvent(got); err != nil {
				t.Error(err)
			}
		})
	}
	twice := http.Header{"Ce-Id": {"1", "2"}}
	if _, err := ingress.Structured(twice, nil); err == nil || !strings.Contains(err.Error(), "ce-id occurs twice") {
		t.Errorf("got %v", err)
	}
}

// A door leaves it to the intake to make an event of headers: it knows whether
// their sender may.
func TestBinaryModeIsReadByTheIntake(t *testing.T) {
	var last intake.Submission
	z, to, stop := fakeDoor(t, lenient{last: &last}, zmqLimits())
	from := newSender(1, 2)
	to <- taken{frames: texts("id", `{"content-type":"application/json","authorization":"Bearer x","ce-id":"1"}`, "{"), from: from}
	stop()
	if z.Counts().Answers != 1 || string(last.Body) != "{" || last.Structure == nil {
		t.Fatalf("submitted %+v", last)
	}
	_, err := last.Structure(last.Body)
	if p, ok := errors.AsType[*intake.Problem](err); !ok || p.Code != intake.Malformed || !strings.Contains(p.Detail, "the body is not") {
		t.Errorf("got %v", err)
	}
	if got, err := last.Structure([]byte("{}")); err != nil || string(got) != `{"id":"1","datacontenttype":"application/json","data":{}}` {
		t.Errorf("got %s, %v", got, err)
	}
}

// sameMembers compares objects whose members may stand in another order.
func sameMembers(a, b string) bool {
	x, errX := sdk.ParseEvent([]byte(a))
	y, errY := sdk.ParseEvent([]byte(b))
	return errX == nil && errY == nil && x.Digest() == y.Digest() && x.DataIsJSON == y.DataIsJSON && len(a) == len(b)
}

// What one reads as an attribute that the strict reading refuses stays refused.
func TestBinaryModeIsReadStrictly(t *testing.T) {
	for name, h := range map[string]http.Header{
		"nothing":            {"Ce-Id": {"1"}},
		"a name with hyphen": {"Ce-Id": {"1"}, "Ce-Source": {"/a"}, "Ce-Type": {"t"}, "Ce-Specversion": {"1.0"}, "Ce-A-B": {"x"}},
		"a name too long":    {"Ce-Id": {"1"}, "Ce-Source": {"/a"}, "Ce-Type": {"t"}, "Ce-Specversion": {"1.0"}, "Ce-" + http.CanonicalHeaderKey(strings.Repeat("a", 21)): {"x"}},
		"an empty value":     {"Ce-Id": {"1"}, "Ce-Source": {"/a"}, "Ce-Type": {"t"}, "Ce-Specversion": {"1.0"}, "Ce-Subject": {""}},
		"another version":    {"Ce-Id": {"1"}, "Ce-Source": {"/a"}, "Ce-Type": {"t"}, "Ce-Specversion": {"0.3"}},
	} {
		text, err := ingress.Structured(h, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := sdk.ParseEvent(text); err == nil {
			t.Errorf("%s: taken: %s", name, text)
		}
	}
}
