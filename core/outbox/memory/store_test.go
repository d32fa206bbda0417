package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/core/outbox/outboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStoreIsAnOutbox(t *testing.T) {
	outboxtest.Run(t, func(_ *testing.T, l outboxtest.Limits) outbox.Engine {
		return memory.New(memory.Options{Remember: l.Remember, KeepStatus: l.KeepStatus, MaxIDs: l.MaxIDs, Capacity: l.Capacity, MaxPending: l.MaxPending})
	})
}

func TestStoreIsFollowed(t *testing.T) {
	outboxtest.RunFollowing(t, func(_ *testing.T, l outboxtest.Limits) outbox.Engine {
		return memory.New(memory.Options{Remember: l.Remember, KeepStatus: l.KeepStatus, MaxIDs: l.MaxIDs, Capacity: l.Capacity, MaxPending: l.MaxPending, Follow: true})
	})
}
