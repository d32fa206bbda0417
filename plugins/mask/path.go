package mask

import (
	"errors"
	"strings"
)

// path is one field: the steps from the data on.
type path struct {
	pointer string // as configured
	steps   []step
}

// step leads from a value into it: by a member's name, an element's index in
// decimal, or each.
type step struct {
	name string
	each bool
}

// takes tells whether the step leads to a member or element.
func (s step) takes(name string) bool { return s.each || s.name == name }

const eachStep = "[*]"

// parsePath reads a JSON Pointer (RFC 6901, sections 3 and 4). It refuses what
// is most likely meant otherwise, for it would quietly mask nothing.
func parsePath(pointer string) (path, error) {
	below, ok := strings.CutPrefix(pointer, "/data/")
	if !ok {
		return path{}, errors.New("want a JSON Pointer below the data, such as /data/card/number: nothing else of an event can be masked")
	}
	p := path{pointer: pointer}
	for token := range strings.SplitSeq(below, "/") {
		s := step{each: token == eachStep}
		switch {
		case s.each:
		case token == "*":
			return path{}, errors.New("want [*] for each element, not *")
		case strings.Contains(token, eachStep):
			return path{}, errors.New("want [*] as a step of its own, such as /data/cards/[*]/number")
		default:
			var err error
			if s.name, err = unescape(token); err != nil {
				return path{}, err
			}
		}
		p.steps = append(p.steps, s)
	}
	return p, nil
}

func unescape(token string) (string, error) {
	name := strings.NewReplacer("~0", "~", "~1", "/").Replace(token)
	if strings.Count(token, "~") != strings.Count(token, "~0")+strings.Count(token, "~1") {
		return "", errors.New("~ stands for itself as ~0, for a slash as ~1 (RFC 6901, section 3)")
	}
	return name, nil
}
