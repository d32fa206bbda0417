package audit

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// What Run does, a step at a time.
func (l *Log) Tidy() { l.tidy() }

func (l *Log) Sign() error { return l.checkpoint() }

func (l *Log) Drain(all bool) { l.drain(all) }

// ExportOnce exports what waits.
func (l *Log) ExportOnce() {
	for _, e := range l.exports {
		select {
		case c := <-e.box:
			if err := e.try(context.Background(), c); err != nil {
				e.box <- c
			}
		default: // nothing does
		}
	}
}

// AppendText is what a text becomes in a line.
var AppendText = appendText

var ParseHead = func(line []byte) (int64, error) {
	h, err := parseHead(line)
	return h.n, err
}

const (
	MaxText       = maxText
	RefuseFirst   = refuseFirst
	RefuseWindow  = refuseWindow
	RefuseKinds   = refuseKinds
	NewestKept    = newestKept
	MaxTallies    = sumsMost
	CheckpointsIn = checkpointsName
)

// Tree is the tree of leaves, grown one by one.
type Tree struct{ edge }

func (t *Tree) Add(leaf tlog.Hash) { t.add(leaf) }
func (t *Tree) Root() tlog.Hash    { return t.root() }

// Reader gives hashes for proofs in the tree of all leaves, of which t has the
// first ones.
func (t *Tree) Reader(leaves []tlog.Hash) tlog.HashReader {
	return t.reader(int64(len(leaves)), func(leaf func(tlog.Hash)) error {
		for _, h := range leaves[t.size:] {
			leaf(h)
		}
		return nil
	})
}

// LeafOf is the leaf of a line.
func LeafOf(line []byte) tlog.Hash { return leafOf(append([]byte{'x'}, line...)) }

// Encoder makes lines.
type Encoder struct{ encoder }

func NewEncoder(boot string) *Encoder { return &Encoder{encoder{boot: boot}} }

func (e *Encoder) Line(b []byte, n int64, prev *tlog.Hash, t time.Time, r *Record) []byte {
	return e.line(b, n, prev, t, r)
}

// LeafIn is the leaf of a line that stands after one byte.
var LeafIn = leafOf
