// Package sdk is headgate's vocabulary: the words that the router, its
// plugins and its consumers share. It imports the standard library only.
//
// Start with [ParseEvent], which turns bytes into an [Event] by the one strict
// reading that every headgate part and every language agrees on, and with
// [Event.Digest], which decides whether two submissions are the same event.
//
// Promise: a program that compiles against one release of this package
// compiles against every later release with the same major [Version].
package sdk

// Version is the semantic version of the SDK.
const Version = "0.1.0"
