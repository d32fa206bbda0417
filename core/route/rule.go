package route

// Rule is one route as it stands in the file.
type Rule struct {
	Name    string
	Types   []string // globs, see sdk.Glob; at least one
	Sources []string // globs; empty for any source
	When    string   // CEL giving a bool; empty for always

	Auth        []string // providers that may send on it; empty for any
	RequireAuth []string // the same from `require`, and binding on its own
	Scopes      []string // scopes a principal needs, all of them

	EventSignature bool // the event itself has to be signed

	Schema     []byte   // JSON Schema for the data; nil for none
	Transforms []string // in order, none twice
	Channels   []string
	Rate       Rate
}

// Rate limits what one principal may send on a route. The Table carries it
// and does not count. The zero Rate is no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Channel is one way out as it stands in the file. Auth, Scopes, EventSignature
// and Transforms are a floor that every route to the channel inherits.
type Channel struct {
	Name    string
	Command bool
	OrderBy string // CEL giving a string or an int; empty for no order
	Park    bool   // a dead letter keeps its order key closed

	Auth           []string
	Scopes         []string
	EventSignature bool
	Transforms     []string // run last, whatever a route has; in order, none twice
}

// Options bound what a Table does for one event.
type Options struct {
	// ConditionCost is the most that one evaluation of one expression may
	// cost, in CEL's units of about one operation. 0 is DefaultConditionCost.
	ConditionCost uint64
}

// DefaultConditionCost lets a condition walk a list of a thousand elements and
// not one of a hundred thousand.
const DefaultConditionCost = 10_000
