package ingress_test

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/intake"
)

// description is the OpenAPI document, parsed.
func description(t *testing.T) map[string]any {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(ingress.OpenAPI()))
	if err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)
}

// at follows a path of keys.
func at(doc any, path ...string) map[string]any {
	for _, key := range path {
		m, _ := doc.(map[string]any)
		doc = m[key]
	}
	m, _ := doc.(map[string]any)
	return m
}

// TestCodesAreAllDescribed holds the document's problems against the intake's
// codes, with the status of each, both ways.
func TestCodesAreAllDescribed(t *testing.T) {
	doc := description(t)
	want := map[string]int{"method_not_allowed": http.StatusMethodNotAllowed} // the door's own
	for code, status := range intake.Codes() {
		want[string(code)] = status
	}

	enumerated := map[string]bool{}
	for _, code := range at(doc, "components", "schemas", "Code")["enum"].([]any) {
		enumerated[code.(string)] = true
	}
	described := map[string]int{}
	for _, operation := range []map[string]any{at(doc, "paths", "/v1/events", "post"), at(doc, "paths", "/v1/status", "get"), at(doc, "paths", "/.well-known/jwks.json", "get")} {
		for status, response := range at(operation, "responses") {
			ref, ok := response.(map[string]any)["$ref"].(string)
			if !ok {
				continue
			}
			properties := at(doc, "components", "responses", ref[strings.LastIndex(ref, "/")+1:], "content", "application/problem+json", "schema", "properties")
			n, err := strconv.Atoi(status)
			if err != nil {
				t.Fatal(err)
			}
			if said := at(properties, "status")["const"]; said == nil || status != said.(interface{ String() string }).String() {
				t.Errorf("%s is described with status %v", status, said)
			}
			for _, code := range at(properties, "code")["enum"].([]any) {
				described[code.(string)] = n
			}
		}
	}
	if !maps.Equal(described, want) {
		t.Errorf("described %v\nwant      %v", described, want)
	}
	for code := range want {
		if !enumerated[code] {
			t.Errorf("schema Code lacks %s", code)
		}
	}
	if len(enumerated) != len(want) {
		t.Errorf("schema Code has %d codes, want %d", len(enumerated), len(want))
	}
}

// TestExampleIsAnEvent holds the request's example against its schema.
func TestExampleIsAnEvent(t *testing.T) {
	doc := description(t)
	content := at(doc, "paths", "/v1/events", "post", "requestBody", "content", typeEvent)
	schema := compile(t, "/paths/~1v1~1events/post/requestBody/content/application~1cloudevents+json/schema")
	if err := schema.Validate(content["example"]); err != nil {
		t.Error(err)
	}
}

// TestTokensAreDescribed: a client made of the document can send with a token.
func TestTokensAreDescribed(t *testing.T) {
	doc := description(t)
	if got := at(doc, "components", "securitySchemes", "bearer"); got["type"] != "http" || got["scheme"] != "bearer" {
		t.Errorf("bearer is %v", got)
	}
	for path, method := range map[string]string{"/v1/events": "post", "/v1/status": "get"} {
		schemes := map[string]bool{}
		for _, s := range at(doc, "paths", path, method)["security"].([]any) {
			for name := range s.(map[string]any) {
				schemes[name] = true
			}
		}
		if !schemes["bearer"] || !schemes["webhook"] {
			t.Errorf("%s takes %v", path, schemes)
		}
		for _, p := range at(doc, "paths", path, method)["parameters"].([]any) {
			ref, ok := p.(map[string]any)["$ref"].(string)
			if !ok {
				continue
			}
			if of := at(doc, "components", "parameters", ref[strings.LastIndex(ref, "/")+1:]); of["in"] == "header" && of["required"] == true {
				t.Errorf("%s: %v is required of who has a token", path, of["name"])
			}
		}
	}
	key := at(doc, "components", "parameters", "EventKey", "content", "application/jwk+json")
	schema := compile(t, "/components/parameters/EventKey/content/application~1jwk+json/schema")
	if err := schema.Validate(key["example"]); err != nil {
		t.Error(err)
	}
	if schema.Validate(map[string]any{"kty": "OKP", "crv": "Ed25519", "x": "a", "d": "b"}) == nil {
		t.Error("a private key fits")
	}
}

func compile(t *testing.T, pointer string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020) // the dialect of OpenAPI 3.1
	if err := c.AddResource("openapi.json", map[string]any(description(t))); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("openapi.json#" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// describes holds a live answer against the response that the document gives
// for its request: status, content type, headers that must be there, body. Every
// answer of every test goes through it.
func describes(t *testing.T, req *http.Request, a answer) {
	t.Helper()
	doc := description(t)
	method, status := strings.ToLower(req.Method), strconv.Itoa(a.status)
	operation := at(doc, "paths", req.URL.Path, method)
	response, pointer := at(operation, "responses", status), "/paths/"+escape(req.URL.Path)+"/"+method+"/responses/"+status
	name, _ := response["$ref"].(string)
	name = name[strings.LastIndex(name, "/")+1:]
	switch {
	case a.status == http.StatusMethodNotAllowed:
		name = "MethodNotAllowed"
	case operation == nil:
		name = "NotFound"
	}
	if name != "" {
		response, pointer = at(doc, "components", "responses", name), "/components/responses/"+name
	}
	kind := a.header.Get("Content-Type")
	if at(response, "content", kind) == nil {
		t.Errorf("%s %s: %d with %q is not described", req.Method, req.URL.Path, a.status, kind)
		return
	}
	if a.header.Get("Headgate-Request-Id") == "" {
		t.Errorf("%s %s: %d has no Headgate-Request-Id", req.Method, req.URL.Path, a.status)
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		t.Errorf("%s %s: %d: %v", req.Method, req.URL.Path, a.status, err)
		return
	}
	if err := compile(t, pointer+"/content/"+escape(kind)+"/schema").Validate(body); err != nil {
		t.Errorf("%s %s: %d %s is not as described: %v", req.Method, req.URL.Path, a.status, a.body, err)
	}
}

// escape makes a reference token of a JSON Pointer (RFC 6901, section 3).
func escape(s string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(s) }
