package jwk

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDepth bounds the nesting of objects and arrays, the outermost included.
// Claims and keys in use nest four deep.
const MaxDepth = 16

// Errors of [Object]. They hold nothing of the text.
var (
	ErrObject   = errors.New("not one JSON object")
	ErrRepeated = errors.New("a member name is repeated, or differs from another in case alone")
	ErrDepth    = errors.New("nested deeper than " + strconv.Itoa(MaxDepth))
)

// Object reads one JSON object as everything that decides about trust is read:
// so that no two readers see different things in it. It refuses member names
// that are repeated at any depth, names of the outermost object that differ in
// case alone (some readers match them loosely), invalid UTF-8, halves of
// surrogate pairs, nesting over [MaxDepth], and bytes after the object. Numbers
// are [json.Number]. Errors are [ErrObject], [ErrRepeated] and [ErrDepth].
func Object(text []byte) (map[string]any, error) {
	// Valid settles the grammar, so that all else needs to see names alone.
	if !utf8.Valid(text) || !json.Valid(text) || halved(text) {
		return nil, ErrObject
	}
	if err := checkNames(text); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil || object == nil {
		return nil, ErrObject
	}
	return object, nil
}

// checkNames walks valid JSON for nesting and for names that are repeated.
func checkNames(text []byte) error {
	var seen [MaxDepth]map[string]bool // of the objects that are open; nil for an array
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth == MaxDepth {
				return ErrDepth
			}
			seen[depth] = nil
			if text[i] == '{' {
				seen[depth] = map[string]bool{}
			}
			depth++
		case '}', ']':
			depth--
		case '"':
			end := endOfString(text, i)
			quoted := text[i:end]
			i = end - 1
			if rest := bytes.TrimLeft(text[end:], " \t\r\n"); len(rest) == 0 || rest[0] != ':' {
				continue // a value
			}
			name := string(quoted[1 : len(quoted)-1])
			if strings.Contains(name, `\`) {
				if err := json.Unmarshal(quoted, &name); err != nil {
					return ErrObject
				}
			}
			if depth == 1 {
				name = fold(name)
			}
			if seen[depth-1][name] {
				return ErrRepeated
			}
			seen[depth-1][name] = true
		}
	}
	return nil
}

// endOfString gives where a string of valid JSON ends that begins at start.
func endOfString(text []byte, start int) int {
	for i := start + 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// fold gives one spelling to all names that strings.EqualFold calls equal. A name
// in lower-case ASCII is its own.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return unicode.ToLower(least)
	}, name)
}

// halved finds an escape that is half of a surrogate pair in valid JSON. Go
// reads U+FFFD there, Python and JavaScript keep the half.
func halved(text []byte) bool {
	const length = len(`\uXXXX`)
	low := -1 // where the second half of a pair has to begin
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if text[i+1] != 'u' {
			i++
			continue
		}
		unit, err := strconv.ParseUint(string(text[i+2:i+length]), 16, 16)
		switch {
		case err != nil:
			return true
		case 0xDC00 <= unit && unit <= 0xDFFF:
			if low != i {
				return true
			}
			low = -1
		case low >= 0: // another escape where the second half had to be, or beyond it
			return true
		case 0xD800 <= unit && unit <= 0xDBFF:
			low = i + length
		}
		i += length - 1
	}
	return low >= 0
}
