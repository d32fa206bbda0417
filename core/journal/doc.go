// Package journal is the embedded outbox: a log of segments in one directory.
// An entry that [Journal.Append] reports as stored is on disk, synced.
//
// [Open] reads what is there and gives a [Journal], which is an outbox.Engine;
// [Journal.Run] keeps it tidy while it works. What goes wrong on the disk is
// contained: a write or a sync that fails stops accepting until everything
// that lives in that file is written and synced elsewhere; a record that is
// damaged is named and the others are delivered.
//
// # On disk
//
//	00000007.seg   a segment: a header, then records, each with its checksum
//	00000007.idx   the summary of a segment that is sealed, to start quickly
//	ids-*.run      identities that are remembered (package ids)
//	spare          the next segment, its room taken in advance
//
// A record is an event with what is known of its legs, a leg's state after an
// outcome, how far a channel has sent, or how far the segment is synced. A
// later record about the same thing replaces an earlier one. Segments go from
// the oldest on, when nothing in them is needed; what still lives in the oldest
// is copied forward when too little does.
//
// # Commits
//
// Whoever comes while nothing is written writes at once; whoever comes
// meanwhile joins the next group, which its first member writes: one write and
// one sync for all. Nobody waits for a group to fill.
package journal
