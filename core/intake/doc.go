// Package intake is the first half of the line: from the bytes of a request to
// the answer its sender gets.
//
// A door asks [Intake.Admit] before it reads a body. Then read [Intake.Accept]:
// authenticate, read, match, authorize, check, append, publish. Its return value
// is the answer to the edge. [Intake.Ask] serves status and waiting.
//
// Promise: nothing is parsed before its credential has verified; an event that
// any matching route refuses goes nowhere; and an event is answered for only
// after the outbox has it.
package intake
