// Package plugin serves an sdk.Plugin from a process of its own. [Serve] is the
// one call in a plugin's main:
//
//	func main() { plugin.Serve(sdk.TransformFunc("mask", "1.0.0", mask)) }
//
// # What a plugin may rely on
//
// Its environment is what the router's documentation of host.Command lists, and
// no more. Secrets come with its configuration, in fields tagged secret.
//
// What it logs with log/slog or log arrives in the router's log under its name;
// what it prints to stdout or stderr does too, as plain lines. Stdout is guarded
// from the call of Serve on: what an init function printed before spoils the
// start, and the router says so.
//
// A panic within a call is a permanent error of that event, or a fault of that
// configuration, and the process lives on. A panic in a goroutine that the plugin
// started ends it; the router starts it again.
//
// SIGTERM drains: calls under way end, new ones are refused, instances are closed
// (io.Closer), and the process exits with 0. SIGINT is ignored, for a terminal
// sends it to the router too. When the router dies the process is gone within
// two seconds, whatever it is doing.
package plugin
