package ingress

import (
	_ "embed"
	"slices"
)

//go:embed openapi.json
var openAPI []byte

// OpenAPI describes the HTTP door: OpenAPI 3.1 in JSON, a copy.
func OpenAPI() []byte { return slices.Clone(openAPI) }
