package jq_test

import (
	"testing"

	"github.com/headgate-io/headgate/plugins/jq"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func TestConformance(t *testing.T) {
	sdktest.Run(t, jq.Plugin(), sdktest.Options{
		Config: map[string]string{"jq": `{"filter":".seen = true"}`},
		Events: []string{sdktest.Event(`{"card":{"number":"4111111111111111"},"n":1}`)},
		Cycles: 3,
	})
}
