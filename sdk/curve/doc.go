// Package curve is the security mechanism CURVE of ZeroMQ (RFC 25, RFC 26)
// over any connection: what crypto/tls is to TLS.
//
// Make keys with [NewSecret], print them as text (Z85, RFC 32) and read them
// with [ParseSecret] and [ParsePublic]. After the greetings of ZMTP, a [Server]
// or [Client] shakes hands and returns a [Session]: whoever reads and writes it
// sees the frames of ZMTP in the clear, and on the wire all is sealed.
//
// What is promised once a handshake has succeeded:
//
//   - the server holds the secret that the client pinned, the client the
//     secret of the key that the server admitted;
//   - what is read was written by that peer, in that order, with nothing
//     repeated: a changed, repeated or reordered frame ends the session;
//   - what was recorded stays secret when long-term keys are lost later: each
//     session has keys of its own.
//
// The end of a stream is not authenticated: CURVE has no sign for it.
package curve
