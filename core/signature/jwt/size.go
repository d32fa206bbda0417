package jwt

import "encoding/json"

// What parts of a token take in memory, in bytes: those of a table with its free
// places.
const (
	sizeOfEntry  = 700 // a token without claims, with its place in a Cache
	sizeOfMap    = 250 // with room for its first members
	sizeOfMember = 56
	sizeOfValue  = 32
)

// size estimates what the token takes in memory, rather more than less.
func (t *Token) size() int {
	n := sizeOfEntry + sizeOf(t.Claims)
	for _, list := range [][]string{t.Groups, t.Scopes} { // their texts may be those of the claims
		n += sizeOfValue * len(list)
	}
	return n + len(t.Subject) + len(t.Client)
}

func sizeOf(v any) int {
	switch v := v.(type) {
	case map[string]any:
		n := sizeOfMap
		for name, x := range v {
			n += sizeOfMember + len(name) + sizeOf(x)
		}
		return n
	case []any:
		n := sizeOfValue
		for _, x := range v {
			n += sizeOf(x)
		}
		return n
	case string:
		return sizeOfValue + len(v)
	case json.Number:
		return sizeOfValue + len(v)
	}
	return sizeOfValue
}
