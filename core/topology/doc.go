// Package topology is what headgate makes of ZeroMQ sockets: a [Commands] and a
// [Publications] socket per channel, the [Replies] socket that consumers report
// to, and the [Requests] socket that a ZeroMQ ingress takes events from.
//
// Each has a [Setting], which Change replaces at once. Several that change together,
// and may take addresses from one another, are prepared first: see [Change].
//
// Promise: nothing here drops a command or blocks on a consumer; what a
// subscriber cannot take is dropped for it alone and counted.
package topology
