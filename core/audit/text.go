package audit

import (
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// cutMark ends a text that is cut.
const cutMark = "…"

// appendText appends s as a JSON string (RFC 8259, section 7) of which nothing
// can leave its line, move a cursor or hide: what is not printable is escaped,
// what is not UTF-8 becomes U+FFFD. Of s most bytes count.
func appendText(b []byte, s string, most int) []byte {
	b = append(b, '"')
	whole := len(s) <= most
	if !whole {
		for range utf8.UTFMax - 1 { // a rune is not cut
			if utf8.RuneStart(s[most]) {
				break
			}
			most--
		}
		s = s[:most]
	}
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			b = append(b, s[from:i]...)
			if c == '"' || c == '\\' {
				b = append(b, '\\', c)
			} else {
				b = appendEscape(b, rune(c))
			}
			i++
			from = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if broken := r == utf8.RuneError && size == 1; broken || !unicode.IsPrint(r) {
			b = append(b, s[from:i]...)
			b = appendEscape(b, r)
			from = i + size
		}
		i += size
	}
	b = append(b, s[from:]...)
	if !whole {
		b = append(b, cutMark...)
	}
	return append(b, '"')
}

func appendEscape(b []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return appendEscape(appendEscape(b, high), low)
	}
	return append(b, '\\', 'u', hexDigits[r>>12&0xf], hexDigits[r>>8&0xf], hexDigits[r>>4&0xf], hexDigits[r&0xf])
}
