package index

// line is slots one behind another, linked by their own next, which is 0 while
// they are in none: it takes no memory. A slot stands in one line at most, and is
// not removed while it does.
type line struct{ first, last ref }

// push puts a slot at a line's end.
func (t *table) push(l *line, r ref) { t.join(l, line{r, r}) }

// join puts all of a line behind another.
func (t *table) join(l *line, more line) {
	if l.first == 0 {
		*l = more
		return
	}
	t.at(l.last).next = more.first
	l.last = more.last
}

// pop takes the first slot out of a line that has one.
func (t *table) pop(l *line) ref {
	r := l.first
	s := t.at(r)
	if l.first, s.next = s.next, 0; l.first == 0 {
		l.last = 0
	}
	return r
}
