package jwk

import "encoding/json"

// MaxSetText bounds a set in bytes: one of sixty-four keys with a certificate each
// stays below it.
const MaxSetText = 256 << 10

// ParseSet gives the keys of a JWK set (RFC 7517, section 5) as they stand, each
// to be read by [Parse]: a set may well hold keys of a kind or a use that is
// none of the reader's. The error wraps [ErrKey].
func ParseSet(text []byte) ([]json.RawMessage, error) {
	if len(text) > MaxSetText {
		return nil, bad("the set is longer than %d bytes", MaxSetText)
	}
	if _, err := Object(text); err != nil {
		return nil, bad("the set: %v", err)
	}
	var set map[string]json.RawMessage // not a struct: its members match in any case
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, bad("the set is not a JSON object")
	}
	var keys []json.RawMessage
	if err := json.Unmarshal(set["keys"], &keys); err != nil || keys == nil {
		return nil, bad("the set has no array %q", "keys")
	}
	return keys, nil
}
