// Package admin is how an operator reaches a running router: HTTP with JSON
// over a unix socket that only the router's own user may open.
//
// The router runs a [Server]; the command line uses a [Client]. What the router
// must be able to do is [Router].
package admin
