package host

import (
	"errors"

	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// Why Start gave up. Each is wrapped with the details and the remedy.
var (
	ErrUser        = errors.New("plugin cannot run as its user")
	ErrLimits      = errors.New("plugin cannot be limited")
	ErrHash        = errors.New("plugin file differs from its sha256")
	ErrNotPlugin   = errors.New("not a headgate plugin")
	ErrProtocol    = errors.New("plugin speaks no protocol version of this router")
	ErrSilent      = errors.New("plugin said nothing")                            // no handshake, or no answer after it, within StartTimeout
	ErrDied        = errors.New("plugin ended before it was ready")               // with its exit and the tail of its stderr
	ErrNoise       = errors.New("plugin wrote something else before its address") // on stdout
	ErrCertificate = errors.New("plugin and router did not prove themselves to each other")
)

// Why a call failed. A call that ran into its deadline wraps
// context.DeadlineExceeded.
var (
	// ErrEnded says that the process is no more. It comes with sdk.ErrUnavailable.
	ErrEnded = errors.New("plugin process ended")
	// ErrTooLarge says that a request or an answer is beyond Options.MaxBytes.
	ErrTooLarge = wire.ErrTooLarge
	// ErrBreach says that the answer breaks the wire's rules, and how.
	ErrBreach = wire.ErrBreach
	// ErrNotConfigured says that the kind was never configured.
	ErrNotConfigured = wire.ErrNotConfigured
)
