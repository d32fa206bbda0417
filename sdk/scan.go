package sdk

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrMalformed is wrapped by every error of [ParseEvent] and [SplitBatch] that
// says the bytes are not an event.
var ErrMalformed = errors.New("malformed event")

// ErrBadID is wrapped when an event's id cannot be one.
var ErrBadID = errors.New("bad event id")

func malformed(offset int, format string, args ...any) error {
	return fmt.Errorf("%w: byte %d: %s", ErrMalformed, offset, fmt.Sprintf(format, args...))
}

// maxExactInteger bounds integers to those that every language reads alike
// (RFC 7493, section 2.2: 2^53 - 1).
const maxExactInteger = 1<<53 - 1

// member is one member of the event's own object; start and end bound its value.
type member struct {
	name       string
	start, end int
}

// scanner walks JSON text once (RFC 8259) and refuses whatever two languages
// might read differently: repeated names, invalid UTF-8, lone surrogates,
// numbers outside what a double holds, depth over MaxDepth.
type scanner struct {
	b []byte
	i int

	// lax leaves the refusals that are not grammar to a later strict scan. It
	// is how a batch is cut into events, so that one bad event stays alone.
	lax bool
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// end refuses anything but white space after the value.
func (s *scanner) end() error {
	s.space()
	if s.i != len(s.b) {
		return malformed(s.i, "bytes after the value")
	}
	return nil
}

// value scans one value; depth counts the objects and arrays it stands in.
func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{':
		_, err := s.object(depth+1, nil)
		return err
	case c == '[':
		return s.array(depth+1, nil)
	case c == '"':
		_, err := s.str()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	case s.i >= len(s.b):
		return malformed(s.i, "the text ends where a value is expected")
	default:
		return malformed(s.i, "a value cannot start with %q", c)
	}
}

// object scans an object and, where members is not nil, appends what it finds.
func (s *scanner) object(depth int, members []member) ([]member, error) {
	if depth > MaxDepth && !s.lax {
		return nil, malformed(s.i, "nested deeper than %d", MaxDepth)
	}
	if depth > 2*MaxDepth { // a lax scan recurses too
		return nil, malformed(s.i, "nested deeper than %d", MaxDepth)
	}
	var names nameSet
	s.i++
	s.space()
	if s.peek() == '}' {
		s.i++
		return members, nil
	}
	for {
		at := s.i
		if s.peek() != '"' {
			return nil, malformed(s.i, "a member name is expected")
		}
		name, err := s.str()
		if err != nil {
			return nil, err
		}
		if !s.lax && !names.add(name) {
			return nil, malformed(at, "member name %q is repeated", clip(string(name)))
		}
		s.space()
		if s.peek() != ':' {
			return nil, malformed(s.i, "a colon is expected")
		}
		s.i++
		s.space()
		start := s.i
		if err := s.value(depth); err != nil {
			return nil, err
		}
		if members != nil {
			members = append(members, member{name: string(name), start: start, end: s.i})
		}
		s.space()
		switch s.peek() {
		case ',':
			s.i++
			s.space()
		case '}':
			s.i++
			return members, nil
		default:
			return nil, malformed(s.i, "a comma or the end of the object is expected")
		}
	}
}

// array scans an array and calls each, where it is not nil, with every element's text.
func (s *scanner) array(depth int, each func(element []byte) error) error {
	if depth > MaxDepth && !s.lax || depth > 2*MaxDepth {
		return malformed(s.i, "nested deeper than %d", MaxDepth)
	}
	s.i++
	s.space()
	if s.peek() == ']' {
		s.i++
		return nil
	}
	for {
		start := s.i
		if err := s.value(depth); err != nil {
			return err
		}
		if each != nil {
			if err := each(s.b[start:s.i:s.i]); err != nil {
				return err
			}
		}
		s.space()
		switch s.peek() {
		case ',':
			s.i++
			s.space()
		case ']':
			s.i++
			return nil
		default:
			return malformed(s.i, "a comma or the end of the array is expected")
		}
	}
}

// str scans a string and returns its content. The content aliases the text
// where no escape had to be undone.
func (s *scanner) str() ([]byte, error) {
	open := s.i
	s.i++
	start := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			content := s.b[start:s.i]
			s.i++
			if !s.lax && !utf8.Valid(content) {
				return nil, malformed(open, "a string is not valid UTF-8")
			}
			return content, nil
		case c == '\\':
			return s.escaped(open, start)
		case c < 0x20:
			return nil, malformed(s.i, "a control character stands unescaped in a string")
		default:
			s.i++
		}
	}
	return nil, malformed(open, "a string has no end")
}

// escaped goes on with a string at its first escape.
func (s *scanner) escaped(open, start int) ([]byte, error) {
	content := append([]byte(nil), s.b[start:s.i]...)
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == '"':
			s.i++
			if !s.lax && !utf8.Valid(content) {
				return nil, malformed(open, "a string is not valid UTF-8")
			}
			return content, nil
		case c < 0x20:
			return nil, malformed(s.i, "a control character stands unescaped in a string")
		case c != '\\':
			content = append(content, c)
			s.i++
			continue
		}
		if s.i+1 >= len(s.b) {
			break
		}
		s.i++
		switch e := s.b[s.i]; e {
		case '"', '\\', '/':
			content = append(content, e)
			s.i++
		case 'b', 'f', 'n', 'r', 't':
			content = append(content, unescape(e))
			s.i++
		case 'u':
			r, err := s.unicode()
			if err != nil {
				return nil, err
			}
			content = utf8.AppendRune(content, r)
		default:
			return nil, malformed(s.i, "no such escape in a string")
		}
	}
	return nil, malformed(open, "a string has no end")
}

func unescape(e byte) byte {
	switch e {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	default:
		return '\t'
	}
}

// unicode reads \uXXXX, or a surrogate pair of two, from the u on.
func (s *scanner) unicode() (rune, error) {
	at := s.i - 1
	r, ok := s.hex4()
	if !ok {
		return 0, malformed(at, "\\u is not followed by four hexadecimal digits")
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
		back := s.i
		s.i++
		if low, ok := s.hex4(); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, nil
			}
		}
		s.i = back
	}
	if s.lax {
		return utf8.RuneError, nil
	}
	// Go reads U+FFFD here, Python and JavaScript keep half a character.
	return 0, malformed(at, "a lone surrogate")
}

func (s *scanner) hex4() (rune, bool) {
	if s.i+5 > len(s.b) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.b[s.i+1:s.i+5]), 16, 16)
	if err != nil {
		return 0, false
	}
	s.i += 5
	return rune(n), true
}

func (s *scanner) digits() int {
	start := s.i
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i - start
}

func (s *scanner) number() error {
	start := s.i
	integer := true
	if s.peek() == '-' {
		s.i++
	}
	first := s.peek()
	n := s.digits()
	if n == 0 || first == '0' && n > 1 {
		return malformed(start, "not a number")
	}
	if s.peek() == '.' {
		integer = false
		s.i++
		if s.digits() == 0 {
			return malformed(start, "not a number")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		integer = false
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		if s.digits() == 0 {
			return malformed(start, "not a number")
		}
	}
	if s.lax {
		return nil
	}
	if integer {
		if n <= 15 { // below 10^15 every integer is exact
			return nil
		}
		v, err := strconv.ParseInt(string(s.b[start:s.i]), 10, 64)
		if err != nil || v > maxExactInteger || v < -maxExactInteger {
			return malformed(start, "an integer beyond 2^53-1: write it as a string (RFC 7493, section 2.2)")
		}
		return nil
	}
	if _, err := strconv.ParseFloat(string(s.b[start:s.i]), 64); err != nil {
		return malformed(start, "a number beyond what a double holds")
	}
	return nil
}

func (s *scanner) literal(word string) error {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return malformed(s.i, "not a value")
	}
	s.i += len(word)
	return nil
}

// clip shortens a sender's text for an error.
func clip(text string) string {
	const most = 40
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
