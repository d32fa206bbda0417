package mask

import (
	"encoding/json"
	"slices"
	"strconv"
)

// splice replaces the values at paths in valid JSON text by what mask makes of
// their texts, and leaves all other bytes. missing is a path that leads nowhere
// somewhere, nil for none.
func splice(data []byte, paths []path, mask func(text []byte) []byte) (spliced []byte, missing *path) {
	s := splicer{data: data, mask: mask}
	trails := make([]trail, len(paths))
	for i := range paths {
		trails[i] = trail{path: &paths[i], steps: paths[i].steps}
	}
	s.space()
	s.into(trails)
	return append(s.out, data[s.copied:]...), s.missing
}

// splicer walks valid JSON once. It recurses where paths lead, so never deeper
// than the longest path.
type splicer struct {
	data    []byte
	at      int    // what is read next
	out     []byte // what is written
	copied  int    // how much of data is in out, or was replaced in it
	mask    func(text []byte) []byte
	missing *path
}

// trail is what is left of a path; never without a step.
type trail struct {
	path  *path
	steps []step
}

// into follows trails into the value that starts here.
func (s *splicer) into(trails []trail) {
	switch s.data[s.at] {
	case '{':
		s.object(trails)
	case '[':
		s.array(trails)
	default:
		s.lack(trails[0])
		s.skip()
	}
}

func (s *splicer) object(trails []trail) {
	seen := make([]bool, len(trails))
	s.at++
	for s.space(); s.data[s.at] != '}'; s.separator() {
		name := s.name()
		s.space()
		s.at++ // the colon
		s.space()
		s.member(name, trails, seen)
	}
	s.at++
	s.unseen(trails, seen)
}

func (s *splicer) array(trails []trail) {
	seen := make([]bool, len(trails))
	s.at++
	s.space()
	for i := 0; s.data[s.at] != ']'; i++ {
		s.member(strconv.Itoa(i), trails, seen)
		s.separator()
	}
	s.at++
	s.unseen(trails, seen)
}

// member goes over the value of one member or element: masks it where a trail
// ends, and follows those that lead on. A trail into a masked value is done.
func (s *splicer) member(name string, trails []trail, seen []bool) {
	var on []trail
	ends := false
	for i, t := range trails {
		if !t.steps[0].takes(name) {
			continue
		}
		seen[i] = true
		if len(t.steps) == 1 {
			ends = true
		} else {
			on = append(on, trail{path: t.path, steps: t.steps[1:]})
		}
	}
	start := s.at
	switch {
	case ends:
		s.skip()
		s.out = append(s.out, s.data[s.copied:start]...)
		s.out = append(s.out, s.mask(s.data[start:s.at])...)
		s.copied = s.at
	case on != nil:
		s.into(on)
	default:
		s.skip()
	}
}

// unseen notes a trail that found no member of its name. For each of none is
// all of them.
func (s *splicer) unseen(trails []trail, seen []bool) {
	for i, t := range trails {
		if !seen[i] && !t.steps[0].each {
			s.lack(t)
			return
		}
	}
}

func (s *splicer) lack(t trail) {
	if s.missing == nil {
		s.missing = t.path
	}
}

// name reads a member's name.
func (s *splicer) name() string {
	start := s.at
	s.skipString()
	text := s.data[start:s.at]
	if !slices.Contains(text, '\\') {
		return string(text[1 : len(text)-1])
	}
	return unquote(text)
}

// skip goes past a value. It does not recurse: the data may be nested deeper
// than any path.
func (s *splicer) skip() {
	for depth := 0; ; {
		switch s.data[s.at] {
		case '"':
			s.skipString()
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		case ' ', '\t', '\n', '\r', ',', ':':
			s.at++
		default:
			s.skipWord()
		}
		if depth == 0 {
			return
		}
	}
}

func (s *splicer) skipString() {
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

// skipWord goes past a number, true, false or null.
func (s *splicer) skipWord() {
	for ; s.at < len(s.data); s.at++ {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r', ',', '}', ']':
			return
		}
	}
}

// separator goes past a comma, if one is there, and the space around it.
func (s *splicer) separator() {
	s.space()
	if s.data[s.at] == ',' {
		s.at++
		s.space()
	}
}

func (s *splicer) space() {
	for {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// unquote reads the text of a string. It cannot fail on valid JSON.
func unquote(text []byte) (content string) {
	_ = json.Unmarshal(text, &content)
	return content
}
