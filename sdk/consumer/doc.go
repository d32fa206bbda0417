// Package consumer takes a router's deliveries, checks them, works and replies.
//
// Start with [New] and [Consumer.Run] for a command channel, where every event
// is acknowledged ([Consumer.RunBatches] for work on several at once), or with
// [NewSubscriber] for a telemetry channel, where none is.
//
// What is promised of a command channel:
//
//   - work sees only deliveries that passed every check of delivery.Verifier,
//     and with Options.Producers only events that their producer has signed.
//     One that did not is never worked on and never acknowledged;
//   - keys in files are those that stand there now: a running consumer looks
//     every second, and what cannot be used there changes nothing;
//   - an event is acknowledged only after its work has returned nil. Until then
//     the router delivers it again, to this consumer or another;
//   - an event that was done here is not worked on again while it is remembered,
//     and never twice at once: it is acknowledged again, because the last reply
//     may have been lost. To remember across restarts, use your database;
//   - everything that is held, begun or waiting, is reported as in progress, so
//     that slow work makes neither itself nor what waits behind it lapse;
//   - a panic in work costs that one attempt, of a batch all of it;
//   - at the end what was not begun is given back at once, as no failure.
package consumer
