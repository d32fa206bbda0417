package config

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Position is where a key stands.
type Position struct {
	File   string // "env NAME" or "flag NAME" for what is in no file
	Line   int    // from 1; 0 outside of files
	Column int    // in bytes, from 1
}

// String gives file:line:column, without the numbers where there are none.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// spot is a key or an array's element with its place, and all that stands in
// it. Parsed values carry no places; a tree of spots beside them does.
type spot struct {
	Position
	in map[string]*spot // by key as it is written in a path, or by "[0]"
}

// maxDepth is how many keys and brackets may stand in one another. The deepest
// key of headgate's own has five; a plugin's may be deeper, and begins anew
// with each header of a table.
const maxDepth = 16

// add returns the spot named step in s, made at p if it is new.
func (s *spot) add(step string, p Position) *spot {
	if s.in == nil {
		s.in = make(map[string]*spot)
	}
	if s.in[step] == nil {
		s.in[step] = &spot{Position: p}
	}
	return s.in[step]
}

// find returns the spot of a path such as routes[3].when, or the deepest on
// the way to it, and whether it is the one asked for. A nil tree has nothing.
func (s *spot) find(path string) (found *spot, exact bool) {
	if s == nil {
		return &spot{}, false
	}
	for path != "" {
		var step string
		step, path = cutStep(path)
		next := s.in[step]
		if next == nil {
			return s, false
		}
		s = next
	}
	return s, true
}

func (s *spot) at(path string) Position {
	found, _ := s.find(path)
	return found.Position
}

func (s *spot) has(path string) bool {
	_, exact := s.find(path)
	return exact
}

// join gives the path of key in the table at path.
func join(path, key string) string {
	if path == "" {
		return step(key)
	}
	return path + "." + step(key)
}

// item gives the path of element i of the array at path.
func item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// step is a key as a path has it: bare where TOML lets it, quoted otherwise.
func step(key string) string {
	bare := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
	}
	if key != "" && strings.TrimFunc(key, bare) == "" {
		return key
	}
	return strconv.Quote(key)
}

// cutStep takes the first step off a path.
func cutStep(path string) (first, rest string) {
	path = strings.TrimPrefix(path, ".")
	if quoted, err := strconv.QuotedPrefix(path); err == nil {
		return quoted, path[len(quoted):]
	}
	for i := 1; i < len(path); i++ {
		if path[i] == '.' || path[i] == '[' {
			return path[:i], path[i:]
		}
	}
	return path, ""
}

// locate reads the places of all keys of a TOML text. It stops where the text
// is wrong, which is the decoder's to say; its own problem is only a text
// deeper than maxDepth.
func locate(text []byte, file string) (*spot, *Problem) {
	l := locator{file: file}
	for i, c := range text {
		if c == '\n' {
			l.newlines = append(l.newlines, i)
		}
	}
	l.parser.Reset(text)
	root := &spot{Position: Position{File: file}}
	table := root
	for l.parser.NextExpression() {
		node := l.parser.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = l.header(root, node)
		case unstable.KeyValue:
			l.keyValue(table, node, 0)
		}
		if l.tooDeep != nil {
			return root, l.tooDeep
		}
	}
	return root, nil
}

type locator struct {
	parser   unstable.Parser
	file     string
	newlines []int // offsets
	tooDeep  *Problem
}

func (l *locator) position(r unstable.Range) Position {
	offset := int(r.Offset)
	before := sort.SearchInts(l.newlines, offset)
	start := 0
	if before > 0 {
		start = l.newlines[before-1] + 1
	}
	return Position{File: l.file, Line: before + 1, Column: offset - start + 1}
}

// header walks [a.b] and [[a.b]]: an array of tables on the way stands for its
// last element.
func (l *locator) header(root *spot, node *unstable.Node) *spot {
	at := root
	keys := node.Key()
	for depth := 1; keys.Next(); depth++ {
		if !l.deep(keys.Node().Raw, depth) {
			return at
		}
		p := l.position(keys.Node().Raw)
		at = at.add(step(string(keys.Node().Data)), p)
		if keys.IsLast() && node.Kind == unstable.ArrayTable {
			return at.add(item("", len(at.in)), p)
		}
		if n := len(at.in); n > 0 && at.in["[0]"] != nil {
			at = at.in[item("", n-1)]
		}
	}
	return at
}

func (l *locator) keyValue(table *spot, node *unstable.Node, depth int) {
	at := table
	var last unstable.Range
	keys := node.Key()
	for keys.Next() {
		depth++
		last = keys.Node().Raw
		if !l.deep(last, depth) {
			return
		}
		at = at.add(step(string(keys.Node().Data)), l.position(last))
	}
	l.value(at, node.Value(), last, depth)
}

// value looks into arrays and inline tables. An element with no place of its
// own, an array in an array, has that of its key.
func (l *locator) value(at *spot, node *unstable.Node, key unstable.Range, depth int) {
	children := node.Children()
	switch node.Kind {
	case unstable.Array:
		if !l.deep(key, depth+1) {
			return
		}
		for i := 0; children.Next(); i++ {
			where := children.Node().Raw
			if where.Length == 0 {
				where = key
			}
			l.value(at.add(item("", i), l.position(where)), children.Node(), where, depth+1)
		}
	case unstable.InlineTable:
		for children.Next() {
			l.keyValue(at, children.Node(), depth)
		}
	}
}

// deep reports whether depth is within bounds, and notes the first that is not.
func (l *locator) deep(r unstable.Range, depth int) bool {
	if depth > maxDepth && l.tooDeep == nil {
		p := l.position(r)
		l.tooDeep = &Problem{File: p.File, Line: p.Line, Column: p.Column, Text: fmt.Sprintf("more than %d keys in one another", maxDepth)}
	}
	return l.tooDeep == nil
}
