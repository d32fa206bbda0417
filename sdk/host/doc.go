// Package host is the router's side of the process border: it starts a plugin,
// speaks to it and ends it.
//
// Call SealDescriptors first thing in main, then [Start] with a [Command]. A
// [Conn] is one process: it is never restarted, and ends with Close.
package host
