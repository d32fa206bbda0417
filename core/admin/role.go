package admin

import "context"

// Role is what a caller may do over HTTP.
type Role string

// The roles of tokens and certificates. Each may read.
const (
	Read    Role = "read"    // all but what events hold
	Operate Role = "operate" // acts
	Payload Role = "payload" // what events hold

	// local is of who reached the unix socket: everything.
	local Role = "local"
)

// may tells whether a caller of role r may do what needs another.
func (r Role) may(need Role) bool {
	return r == local || r == need || need == Read && (r == Operate || r == Payload)
}

// caller is who asks. The zero caller may do nothing.
type caller struct {
	actor string // uid:1000(ops), token:NAME or cert:NAME
	role  Role
	addr  string // of the peer; empty on the unix socket
}

type callerKey struct{}

func withCaller(ctx context.Context, c caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}
