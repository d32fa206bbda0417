package supervisor

import (
	"context"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// process is a plugin's process, as sdk/host gives it: see host.Conn. Every call
// but WatchTrust returns in bounded time.
type process interface {
	Describe(ctx context.Context) (host.Description, error)
	Configure(ctx context.Context, c host.Configuration) error
	Health(ctx context.Context) error
	Transform(kind string) sdk.Transform
	// WatchTrust is bounded by ctx and the end of the process alone.
	WatchTrust(ctx context.Context, kind string, take func(sdk.TrustBundle) error) error
	Hint(ctx context.Context, kind, issuer, kid string) error
	Exited() <-chan struct{}
	Exit() host.Exit
	Facts() host.Facts
	Close(ctx context.Context) error
}

// starter starts a process: host.Start, but in tests.
type starter func(ctx context.Context, c host.Command, o host.Options) (process, error)

func startHost(ctx context.Context, c host.Command, o host.Options) (process, error) {
	conn, err := host.Start(ctx, c, o)
	if err != nil {
		return nil, err // not a nil *Conn in an interface
	}
	return conn, nil
}

var _ process = (*host.Conn)(nil)
