package journal_test

import (
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/outboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options are those of a small journal.
func options(l outboxtest.Limits) journal.Options {
	return journal.Options{Remember: l.Remember, KeepStatus: l.KeepStatus, MaxIDs: l.MaxIDs, Capacity: l.Capacity, MaxPending: l.MaxPending,
		Segment: 256 << 10, Log: zerolog.Nop()}
}

func open(t *testing.T, o journal.Options) *journal.Journal {
	t.Helper()
	j, err := journal.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJournalIsAnOutbox(t *testing.T) {
	outboxtest.Run(t, func(t *testing.T, l outboxtest.Limits) outbox.Engine {
		o := options(l)
		o.Dir = t.TempDir()
		return open(t, o)
	})
}

func TestJournalIsADurableOutbox(t *testing.T) {
	outboxtest.RunDurable(t, func(t *testing.T, l outboxtest.Limits, dir string) outbox.Engine {
		o := options(l)
		o.Dir = dir
		return open(t, o)
	})
}

func TestJournalIsFollowed(t *testing.T) {
	outboxtest.RunFollowing(t, func(t *testing.T, l outboxtest.Limits) outbox.Engine {
		o := options(l)
		o.Dir, o.Follow = t.TempDir(), true
		return open(t, o)
	})
}

func TestJournalIsFollowedOnAndOn(t *testing.T) {
	outboxtest.RunFollowingDurable(t, func(t *testing.T, l outboxtest.Limits, dir string) outbox.Engine {
		o := options(l)
		o.Dir, o.Follow = dir, true
		return open(t, o)
	})
}
