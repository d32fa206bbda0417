package config

import (
	"fmt"

	"github.com/headgate-io/headgate/sdk"
)

// didYouMean gives the hint with the name nearest to what was written, empty
// when none is near.
func didYouMean(written string, names []string) string {
	best := sdk.Nearest(written, names)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}
