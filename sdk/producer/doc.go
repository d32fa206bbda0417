// Package producer pushes events to headgate routers over ZeroMQ: it signs each
// one, waits for its answer, and tries again while that can help.
//
// Start with [New] and [Producer.Run] in a goroutine of its own, then call
// [Producer.Send] with one CloudEvent in structured JSON, from as many
// goroutines as you like, or [Producer.SendBatch] with several.
//
// What is promised:
//
//   - Send returns nil only when a router has answered that it took the event.
//     Answer.Status tells how: accepted is on its disk, queued in its memory,
//     duplicate was taken before;
//   - every try is the same event under the same id, signed anew, so that a try
//     whose answer was lost does no harm: the next one is a duplicate;
//   - with Options.EventSigner every event is signed by its producer too, and all
//     tries of it carry the one signature;
//   - a lost connection, silence, and an answer that asks to come back are
//     tried again, after a wait with full jitter and not before the router
//     said; what the router refuses for good is not;
//   - at most Options.UnderWay requests are out at once, and with several
//     routers each try goes to the next one that is connected.
package producer
