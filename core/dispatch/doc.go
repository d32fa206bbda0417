// Package dispatch is the second half of the line: it takes accepted events
// from the outbox and sees them to their end.
//
// Read [Channel.Run] first: it hands the entries of one command channel to
// consumers. All decisions are made by [Machine], a pure state machine; Run
// gives it time, connections, entries and replies, and carries out what it
// says. [Desk] turns the frames of the reply socket into replies for the right
// channel, and [Telemetry] publishes what nobody acknowledges.
//
// An entry goes through the transforms it was accepted with, anew for each
// attempt, before its turn to be sent. While a [Transform] is away its entries lie
// on shelves of the outbox, and stall nobody else. Nothing leaves untransformed.
//
// Promise: an entry leaves the outbox only by a reply that shows its lease, by
// running out of attempts, by the word of a transform, or by an operator's.
// Nothing here loses one.
package dispatch
