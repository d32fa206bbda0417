// Package audit is the log of everything that a router decided: append only,
// one JSON line per decision, and such that nobody alters it unseen.
//
// [Open] opens the log of a directory. What must be on disk before it happens
// goes through [Log.Write]; what a store has already made durable is followed
// into the log with [Log.Append]; refusals, of which a peer can make very many,
// go through [Log.Refuse], and telemetry through [Log.Count]. [Log.Run] signs a
// checkpoint of the log from time to time and exports it. [Log.Err] tells why
// nothing may be accepted now.
//
// # Format
//
// A directory has files audit-INDEX.jsonl, each named by the index of its first
// line. Each line carries its index ("n") and the hash of the line before it
// ("prev"), so that a record that was altered, lost or moved can be named. The
// hash of a line, without its newline, is the leaf hash of RFC 6962; over the
// leaves stands the Merkle tree of that RFC. The first line of each file, an
// audit.open record, carries the roots of the complete subtrees of all that came
// before: the tree goes on from there when older files are gone.
//
// A checkpoint is a C2SP tlog-checkpoint, a signed note with the size and the
// root of the tree. The file "checkpoints" has those that this router made, a
// JSON line each.
//
// # Promises
//
// What Write returned nil for is on disk. A checkpoint covers only what is on
// disk. No record before a checkpoint that is kept elsewhere can be altered,
// removed, added or moved without [Check] finding it against that checkpoint,
// and naming the first bad one. Who has the audit key and every place that
// checkpoints go to can rewrite the log; records that no exported checkpoint
// covers yet can be cut off.
//
// What peers wrote stands in the lines bounded and escaped. No field is for a
// secret, a token, a signature, a lease or a payload.
package audit
