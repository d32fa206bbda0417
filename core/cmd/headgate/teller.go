package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// teller prints what happens, as it happens.
type teller struct {
	mu    sync.Mutex
	to    io.Writer
	start time.Time
	sent  map[string][]byte
}

func newTeller(to io.Writer) *teller {
	return &teller{to: to, start: time.Now(), sent: make(map[string][]byte)}
}

func (t *teller) say(who, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.to, "%6.2fs  %-11s %s\n", time.Since(t.start).Seconds(), who, fmt.Sprintf(format, args...))
}

func (t *teller) act(title string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.to, "\n%s\n", title)
}

func (t *teller) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.to, "  "+format+"\n", args...)
}

// Write takes the router's log lines and tells those worth seeing.
func (t *teller) Write(line []byte) (int, error) {
	var l struct{ Message, Code, Reason, ID, Should_send string }
	if err := json.Unmarshal(line, &l); err == nil {
		switch {
		case l.Message == "refused":
			t.say("router", "refuses: %s (%s)", l.Code, l.Reason)
		case strings.HasPrefix(l.Message, "mute"):
			t.say("router", "%s; it should have sent %s", l.Message, l.Should_send)
		}
	}
	return len(line), nil
}
