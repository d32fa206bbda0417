package jwt

import (
	"fmt"
	"strings"
)

// pointer names a claim: the unescaped steps of a JSON Pointer (RFC 6901)
// through objects. A nil pointer names none.
type pointer []string

func parsePointer(text string) (pointer, error) {
	rest, ok := strings.CutPrefix(text, "/")
	if !ok {
		return nil, fmt.Errorf("token rules: %q is not a JSON Pointer to a claim, such as /sub", text)
	}
	steps := strings.Split(rest, "/")
	for i, step := range steps {
		plain := strings.NewReplacer("~0", "", "~1", "").Replace(step)
		if strings.Contains(plain, "~") {
			return nil, fmt.Errorf("token rules: %q: write ~ as ~0 and / in a name as ~1", text)
		}
		steps[i] = strings.NewReplacer("~0", "~", "~1", "/").Replace(step)
	}
	return steps, nil
}

// in finds the claim; null is there too.
func (p pointer) in(claims map[string]any) (value any, there bool) {
	if p == nil {
		return nil, false
	}
	value = claims
	for _, step := range p {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = object[step]; !ok {
			return nil, false
		}
	}
	return value, true
}
