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
//
// # Following
//
// With Options.Follow, [Journal.Follow] tells acceptances and outcomes once they
// are synced: the newest from memory, those before from the segments, which stay
// until [Journal.Followed] says that they are kept elsewhere. Sequences of events
// and ordinals of outcomes rise in the order of the records, and copies keep
// theirs, so that a position tells a copy from what is new.
package journal
