package audit

import (
	"encoding/json"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// opening is what the first line of each file says beside its index: all that
// the tree needs to go on without the files before.
type opening struct {
	Origin     string      `json:"origin"`
	Key        string      `json:"key"`                  // verifier key that checkpoints are signed by (C2SP signed-note)
	Previous   string      `json:"previous,omitempty"`   // file
	Edge       []tlog.Hash `json:"edge"`                 // of the tree of all records before
	Checkpoint string      `json:"checkpoint,omitempty"` // newest signed one
}

// append appends the opening's JSON object to b.
func (o *opening) append(b []byte) []byte {
	text, err := json.Marshal(o)
	if err != nil { // strings and hashes marshal
		panic(err)
	}
	return append(b, text...)
}

// edge is the tree that the file starting at index goes on from.
func (o *opening) edge(index int64) (*edge, error) {
	e, err := newEdge(index, o.Edge)
	if err != nil {
		return nil, fmt.Errorf("its edge: %w", err)
	}
	return e, nil
}
