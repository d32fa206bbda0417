package mask_test

import (
	"testing"

	"github.com/headgate-io/headgate/plugins/mask"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func TestConformance(t *testing.T) {
	sdktest.Run(t, mask.Plugin(), sdktest.Options{
		Config: map[string]string{"mask": `{"fields":["/data/card/number"]}`},
		Events: []string{sdktest.Event(`{"card":{"number":"4111111111111111"},"n":1}`)},
		Cycles: 3,
	})
}
