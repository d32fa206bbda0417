package zmq

import "errors"

// ErrClosed is returned by Send and Recv after Run has begun to end.
var ErrClosed = errors.New("zmq: socket is closed")

// Reason says in one of a few fixed phrases why a connection was refused, cut
// or lost; it makes a good metric label. [ReasonOf] finds it in the errors that
// [Options].Down and Events carry.
type Reason string

// The reasons.
const (
	// The peer's greeting or READY was refused.
	ReasonGreeting     Reason = "not a ZMTP greeting"
	ReasonVersion      Reason = "ZMTP older than 3.0"
	ReasonMechanism    Reason = "security mechanism does not match"
	ReasonReady        Reason = "malformed READY"
	ReasonSocketType   Reason = "unknown socket type"
	ReasonIncompatible Reason = "incompatible socket type"
	ReasonRejected     Reason = "peer reported an error"
	ReasonHandshake    Reason = "handshake timeout"
	ReasonIdentity     Reason = "identity in use"

	// The peer did not prove what the socket's Security asks for.
	ReasonTLS       Reason = "TLS handshake failed"
	ReasonServerKey Reason = "wrong CURVE server key"
	ReasonProof     Reason = "CURVE key not proven"
	ReasonKey       Reason = "CURVE key not admitted"

	// A limit of [Limits] was reached.
	ReasonPeers         Reason = "too many peers"
	ReasonAddress       Reason = "too many peers from one address"
	ReasonHandshakes    Reason = "too many handshakes"
	ReasonFrame         Reason = "frame too large"
	ReasonMessage       Reason = "message too large"
	ReasonFrames        Reason = "too many frames"
	ReasonSubscriptions Reason = "too many subscriptions"

	// The peer broke the protocol after the handshake.
	ReasonFlags      Reason = "invalid frame flags"
	ReasonCommand    Reason = "malformed command"
	ReasonUnexpected Reason = "message from a peer that may not send"
	ReasonForged     Reason = "ciphertext does not verify"
	ReasonNonce      Reason = "nonce went back"
	ReasonCodec      Reason = "codec failure"

	// The peer is gone or as good as gone.
	ReasonSilent Reason = "heartbeat timeout"
	ReasonWrite  Reason = "write timeout"
	ReasonEnded  Reason = "closed by peer"
	ReasonFailed Reason = "connection failed"

	// This side ended it.
	ReasonClosed  Reason = "socket closed"
	ReasonRemoved Reason = "endpoint removed"
	ReasonCut     Reason = "cut by the application"
)

// Error returns the phrase.
func (r Reason) Error() string { return string(r) }

// ReasonOf returns the reason that err wraps, ReasonFailed when it wraps none.
func ReasonOf(err error) Reason {
	if r, ok := errors.AsType[Reason](err); ok {
		return r
	}
	return ReasonFailed
}
