package host

import (
	"bufio"
	"context"
	"io"
	"sync"

	"golang.org/x/time/rate"
)

// Bounds of a plugin's log. A flood costs the plugin its time, not the router's.
const (
	maxLine    = 16 << 10 // bytes of a line: a stack of usual depth
	lineRate   = 200      // lines a second that are passed on
	lineBurst  = 2000     // lines at once: what a plugin may say at its start or its end
	readRate   = 8 << 20  // bytes a second that are read at all; beyond, the plugin's writes wait
	readBurst  = 1 << 20
	readBuffer = 64 << 10 // a pipe's
)

// printed reads what a plugin prints and passes it on in bounds.
type printed struct {
	log   func(Line)
	least int // level

	mu      sync.Mutex
	lines   *rate.Limiter
	dropped int
	tail    tail
}

func newPrinted(o Options) *printed {
	return &printed{log: o.Log, least: levels[o.Level], lines: rate.NewLimiter(lineRate, lineBurst)}
}

// read reads lines until r ends. stream is told with each line when not empty.
// When ctx ends, what is left is read without a brake.
func (p *printed) read(ctx context.Context, r *bufio.Reader, stream string) {
	brake := rate.NewLimiter(readRate, readBurst)
	line, cut := make([]byte, 0, maxLine), false
	for {
		part, err := r.ReadSlice('\n')
		_ = brake.WaitN(ctx, len(part)) // an ended ctx is the only error
		ended := len(part) > 0 && part[len(part)-1] == '\n'
		if ended {
			part = part[:len(part)-1]
		}
		if room := maxLine - len(line); len(part) > room {
			part, cut = part[:room], true
		}
		line = append(line, part...)
		if ended || err != nil && err != bufio.ErrBufferFull && len(line) > 0 {
			if cut {
				line = append(line[:maxLine-len(ellipsis)], ellipsis...)
			}
			p.line(line, stream)
			line, cut = line[:0], false
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

const ellipsis = " [cut]"

// line passes one line on, or counts it.
func (p *printed) line(text []byte, stream string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stream == "" {
		p.tail.add(text)
	}
	if !p.lines.Allow() {
		p.dropped++ // the newest are dropped: what began a flood explains it
		return
	}
	l := parseLine(text)
	if l.Fields != nil {
		p.tail.calm()
	}
	if levels[l.Level] < p.least {
		return
	}
	if stream != "" {
		if l.Fields == nil {
			l.Fields = make(map[string]any, 1)
		}
		l.Fields["stream"] = stream
	}
	l.Dropped, p.dropped = p.dropped, 0
	p.log(l)
}

// flush tells of lines that were dropped at the very end.
func (p *printed) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropped > 0 {
		p.log(Line{Level: "warn", Text: "the plugin logged faster than is passed on", Dropped: p.dropped})
		p.dropped = 0
	}
}

// last is what was said last on stderr.
func (p *printed) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tail.String()
}

// newReader buffers as much as a pipe holds.
func newReader(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, readBuffer) }
