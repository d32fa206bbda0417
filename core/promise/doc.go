// Package promise shows what headgate promises its users, with the binary
// itself: processes that are killed, disks that fail, consumers that misbehave.
// It has tests only. Each file named for a promise holds the whole proof of it;
// worker_* and senders_* are the way from an edge, and what others' senders make.
//
// The oracle is outside of the router. A producer notes an id once it has read
// the 202; a consumer notes an id and its attempt when it acts; what is pending,
// dead or dropped is asked of the router as an operator asks. Then the books
// must balance, exactly.
//
// Counts and orders are asserted, never times. go test ./core/promise runs the
// short forms; the flags -cycles, -ids, -keys, -backlog, -healthy, -rotations,
// -commands, -outage and -long make them long, and -seed repeats what a run has
// printed. With -headgate another binary is put to the test: one that was
// broken on purpose has to fail.
//
// No losses in n kills bound the rate of loss per kill below 3/n at 95 %, and
// no more: 20 kills say less than 15 %, 200 less than 1.5 %.
package promise
