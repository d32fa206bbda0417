package jsonschema_test

import (
	"testing"

	"github.com/headgate-io/headgate/plugins/jsonschema"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func TestConformance(t *testing.T) {
	sdktest.Run(t, jsonschema.Plugin(), sdktest.Options{
		Config: map[string]string{"jsonschema": `{"schema":{"type":"object"}}`},
		Events: []string{sdktest.Event(`{"card":{"number":"4111111111111111"},"n":1}`)},
		Cycles: 3,
	})
}
