package audit_test

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/headgate-io/headgate/core/audit"
)

// TestTreeIsTlogs holds the tree, its leaves and its proofs to package tlog's.
func TestTreeIsTlogs(t *testing.T) {
	const most = 70
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, _ error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	var leaves []tlog.Hash
	var trees []audit.Tree
	var tree audit.Tree
	for n := range int64(most) {
		root, err := tlog.TreeHash(n, reader)
		if err != nil || root != tree.Root() {
			t.Fatalf("tree of %d: %v, %v", n, root, err)
		}
		trees = append(trees, tree)
		text := fmt.Appendf(nil, "line %d", n)
		leaf := audit.LeafOf(text)
		if leaf != tlog.RecordHash(text) {
			t.Fatalf("leaf %d", n)
		}
		hashes, err := tlog.StoredHashes(n, text, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored, leaves = append(stored, hashes...), append(leaves, leaf)
		tree.Add(leaf)
	}
	for size := int64(1); size <= most; size += 3 {
		root, _ := tlog.TreeHash(size, reader)
		for n := range size {
			for begun := range n + 1 { // files may begin anywhere
				p, err := tlog.ProveRecord(size, n, trees[begun].Reader(leaves[:size]))
				if err != nil {
					t.Fatalf("%d of %d from %d: %v", n, size, begun, err)
				}
				if err := tlog.CheckRecord(p, size, root, n, leaves[n]); err != nil {
					t.Fatalf("%d of %d from %d: %v", n, size, begun, err)
				}
			}
		}
	}
}
