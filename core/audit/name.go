package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// checkpointsName is the file of local checkpoints.
const checkpointsName = "checkpoints"

// fileName is the name of the file whose first line has that index.
func fileName(index int64) string { return fmt.Sprintf("audit-%012d.jsonl", index) }

// parseName is fileName's inverse.
func parseName(name string) (index int64, ok bool) {
	digits, ok := strings.CutPrefix(name, "audit-")
	digits, end := strings.CutSuffix(digits, ".jsonl")
	if !ok || !end {
		return 0, false
	}
	index, err := strconv.ParseInt(digits, 10, 64)
	return index, err == nil && index >= 0 && fileName(index) == name
}

// file is one file of the log.
type file struct {
	name  string
	index int64 // of its first line
}

// filesOf picks the files of the log among names, oldest first.
func filesOf(names []string) (files []file) {
	for _, name := range names {
		if index, ok := parseName(name); ok {
			files = append(files, file{name, index})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.index, b.index) })
	return files
}
