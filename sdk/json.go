package sdk

// CheckJSON holds a text that is not an event against the one strict reading
// of [ParseEvent]: one JSON value (RFC 8259), no member name repeated in any
// object, valid UTF-8 without lone surrogates or a byte order mark, numbers
// that languages read alike, depth of at most MaxDepth, nothing but white space
// around it. Where it returns nil, every language's own JSON reader reads the
// same. The error wraps ErrMalformed.
func CheckJSON(text []byte) error {
	s := scanner{b: text}
	s.space()
	if err := s.value(0); err != nil {
		return err
	}
	return s.end()
}
