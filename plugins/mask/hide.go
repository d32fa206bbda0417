package mask

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// mask is what stands in place of a value, as JSON text.
func (c *config) mask(text []byte) []byte {
	if c.KeepLast == 0 || text[0] != '"' {
		return quote(c.With)
	}
	return quote(c.hide(unquote(text)))
}

// hide masks a string but for its end. What looks masked already stays, so that
// a second masking changes nothing; behind the mask are never more characters
// than may be kept.
func (c *config) hide(value string) string {
	if end, masked := strings.CutPrefix(value, c.With); masked && (end == "" || utf8.RuneCountInString(end) == c.KeepLast) {
		return value
	}
	characters := []rune(value)
	if len(characters) < 2*c.KeepLast {
		return c.With
	}
	return c.With + string(characters[len(characters)-c.KeepLast:])
}

// quote writes a string as JSON, with <, > and & as they are.
func quote(content string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(content) // a string always can be
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
