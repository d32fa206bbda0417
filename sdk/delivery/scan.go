package delivery

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a reply, itself included. Python's json goes
// no deeper by default, so no deeper result could be read by everyone.
const maxDepth = 1000

// scanner walks JSON text once, by the grammar (RFC 8259) alone. What stands in
// a result is passed on unread, so it is not held to the reading of an event,
// which refuses more.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) broken(what string) error {
	return fmt.Errorf("byte %d: %s", s.at, what)
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek is the next byte, or 0, which no JSON text holds, at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// end refuses anything but white space after the value.
func (s *scanner) end() error {
	s.space()
	if s.at < len(s.text) {
		return s.broken("bytes after the value")
	}
	return nil
}

// value gives the exact text of a value that stands in depth objects and arrays.
func (s *scanner) value(depth int) ([]byte, error) {
	start := s.at
	var err error
	switch c := s.peek(); {
	case c == '"':
		err = s.str()
	case c == '{':
		err = s.object(depth+1, func([]byte) error { _, err := s.value(depth + 1); return err })
	case c == '[':
		err = s.array(depth+1, func() error { _, err := s.value(depth + 1); return err })
	case c == '-' || isDigit(c):
		err = s.number()
	case c == 't':
		err = s.literal("true")
	case c == 'f':
		err = s.literal("false")
	case c == 'n':
		err = s.literal("null")
	default:
		err = s.broken("a value is expected")
	}
	return s.text[start:s.at], err
}

// object has each read the value of every member. The name is still quoted.
func (s *scanner) object(depth int, each func(name []byte) error) error {
	return s.members('}', depth, func() error {
		start := s.at
		if s.peek() != '"' {
			return s.broken("a member name is expected")
		}
		if err := s.str(); err != nil {
			return err
		}
		name := s.text[start:s.at]
		s.space()
		if s.peek() != ':' {
			return s.broken("a colon is expected")
		}
		s.at++
		s.space()
		return each(name)
	})
}

// array has each read every element.
func (s *scanner) array(depth int, each func() error) error {
	return s.members(']', depth, each)
}

// members reads what stands between the brackets of an object or an array.
func (s *scanner) members(closing byte, depth int, each func() error) error {
	if depth > maxDepth {
		return s.broken("nested deeper than " + strconv.Itoa(maxDepth))
	}
	s.at++
	s.space()
	if s.peek() == closing {
		s.at++
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
			s.space()
		case closing:
			s.at++
			return nil
		default:
			return s.broken("a comma or " + string(closing) + " is expected")
		}
	}
}

func (s *scanner) str() error {
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return nil
		case c < 0x20:
			return s.broken("a control character stands unescaped in a string")
		case c == '\\':
			s.at++
			switch e := s.peek(); {
			case e == 'u':
				for range 4 {
					s.at++
					if !isHex(s.peek()) {
						return s.broken("\\u is not followed by four hexadecimal digits")
					}
				}
			case e == 0 || strings.IndexByte(`"\/bfnrt`, e) < 0:
				return s.broken("no such escape in a string")
			}
		}
	}
	return s.broken("a string has no end")
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	zero := s.peek() == '0'
	if n := s.digits(); n == 0 || zero && n > 1 {
		return s.broken("not a number")
	}
	if s.peek() == '.' {
		s.at++
		if s.digits() == 0 {
			return s.broken("a digit is expected after the point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if s.digits() == 0 {
			return s.broken("a digit is expected in the exponent")
		}
	}
	return nil
}

// digits passes over decimal digits and counts them.
func (s *scanner) digits() int {
	start := s.at
	for isDigit(s.peek()) {
		s.at++
	}
	return s.at - start
}

func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.text[s.at:], []byte(word)) {
		return s.broken("a value is expected")
	}
	s.at += len(word)
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// content is what a string says whose quoted text was scanned. It aliases the
// text unless an escape had to be undone. A surrogate without its other half
// becomes U+FFFD.
func content(quoted []byte) []byte {
	text := quoted[1 : len(quoted)-1]
	i := bytes.IndexByte(text, '\\')
	if i < 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for ; i >= 0; i = bytes.IndexByte(text, '\\') {
		out = append(out, text[:i]...)
		e := text[i+1]
		text = text[i+2:]
		if e == 'u' {
			r := hex4(text)
			text = text[4:]
			if utf16.IsSurrogate(r) && bytes.HasPrefix(text, []byte(`\u`)) {
				if pair := utf16.DecodeRune(r, hex4(text[2:])); pair != utf8.RuneError {
					r, text = pair, text[6:]
				}
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		if k := strings.IndexByte("bfnrt", e); k >= 0 {
			e = "\b\f\n\r\t"[k]
		}
		out = append(out, e)
	}
	return append(out, text...)
}

// hex4 reads four digits that were scanned.
func hex4(text []byte) rune {
	n, _ := strconv.ParseUint(string(text[:4]), 16, 16)
	return rune(n)
}
