package process_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/core/process"
)

// TestMain is also every process that the tests start: child MODE.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		os.Exit(process.ReapOrphans(func() int { return child(os.Args[2]) }))
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second
