package sdk

// smallSet is how many names are compared one by one before a map is made.
const smallSet = 12

// nameSet finds repeated names without allocating for small objects.
type nameSet struct {
	few  [smallSet][]byte
	n    int
	many map[string]struct{}
}

// add reports whether name is new.
func (s *nameSet) add(name []byte) bool {
	if s.many != nil {
		if _, known := s.many[string(name)]; known {
			return false
		}
		s.many[string(name)] = struct{}{}
		return true
	}
	for _, known := range s.few[:s.n] {
		if string(known) == string(name) {
			return false
		}
	}
	if s.n < smallSet {
		s.few[s.n] = name
		s.n++
		return true
	}
	s.many = make(map[string]struct{}, 2*smallSet)
	for _, known := range s.few {
		s.many[string(known)] = struct{}{}
	}
	s.many[string(name)] = struct{}{}
	return true
}
