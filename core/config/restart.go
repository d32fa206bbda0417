package config

// when is from when on a change counts.
type when int

const (
	atOnce   when = iota
	atStart       // from the next start of the router
	whenMade      // from the next start, unless the socket is made anew because it is another
)

// restarts tells that a change counts from the next start on: by its own key, or
// by that of a table around it.
func restarts(was, now part) bool {
	p := now
	if !p.there() {
		p = was
	}
	for in := &p; in != nil; in = in.in {
		switch decisions[in.field].counts {
		case atStart:
			return true
		case whenMade:
			return was.there() && now.there()
		}
	}
	return false
}
