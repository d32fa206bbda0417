package host

import "bytes"

// maxTail is what is kept of a plugin's stderr to explain its end, in bytes.
const maxTail = 8 << 10

// tail keeps the last of what was written, or the first of a crash: a Go
// program's end says most at its beginning.
type tail struct {
	kept  []byte
	crash bool
}

func (t *tail) add(line []byte) {
	if crashes(line) && !t.crash {
		t.kept, t.crash = t.kept[:0], true
	}
	if t.crash && len(t.kept) >= maxTail {
		return
	}
	t.kept = append(append(t.kept, line...), '\n')
	switch over := len(t.kept) - maxTail; {
	case over <= 0:
	case t.crash:
		t.kept = t.kept[:maxTail]
	default:
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
}

// calm forgets a crash that was none: the process logs on in good order.
func (t *tail) calm() {
	if t.crash {
		t.kept, t.crash = t.kept[:0], false
	}
}

func (t *tail) String() string {
	return string(bytes.ToValidUTF8(bytes.TrimSpace(t.kept), []byte("\uFFFD")))
}
