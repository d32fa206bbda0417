// Package sdktest is the conformance suite that every plugin runs, and the
// harness by which an author tries one event.
//
// The author of a Go plugin calls [Run] in one test, which tries every rule on
// the plugin as a process of its own, and [Apply] in as many as he likes, which
// gives one event to a transform over the real wire and within the test. Any
// other executable, in any language, is tried by a [Suite]; that is what
// "headgate plugin test" does.
//
// Promise: a rule keeps its name, and a plugin that passes is one that a router
// of the same protocol version can start, configure, call, drain and stop. The
// suite ends in bounded time, whatever the plugin does, and leaves no process of
// its group.
package sdktest
