package outbox

// Limiting is what an engine adds whose channels may change while it works.
type Limiting interface {
	// Limit sets how many bytes each command channel may hold, as at the start.
	// What is held of a channel that is not named stays, and nothing new is
	// taken for it.
	Limit(maxPending map[string]int64)
}
