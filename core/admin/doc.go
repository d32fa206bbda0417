// Package admin is how an operator reaches a running router: HTTP with JSON over
// a unix socket that only the router's own user may open, and, where
// [admin] http wants it, over TCP for whom a token or a certificate names.
//
// The router runs a [Server]; the command line uses a [Client]. What the router
// must be able to do is [Router]. What it decides goes to [Decisions], for whoever
// looks on; what an operator does is told to an [Auditor] before it is done.
//
// Over TCP health and metrics are open to everybody, and all else needs a [Role].
// Nothing that changes the router is done without a reason; that of a reload may
// be its files alone.
package admin
