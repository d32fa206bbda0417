package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// logToRouter has log/slog write to stderr what the router understands, from the
// level on that it wants. Package log follows.
func logToRouter() {
	var level slog.Level // info
	_ = level.UnmarshalText([]byte(os.Getenv(wire.LevelKey)))
	log.SetFlags(0)
	slog.SetDefault(slog.New(newLines(os.Stderr, level)))
}

// lines is an slog handler that writes a JSON object per line in go-hclog's form:
// @level, @message, @timestamp and the attributes, of groups as a.b.
type lines struct {
	mu     *sync.Mutex
	w      io.Writer
	level  slog.Level
	prefix string            // of the groups that are open
	attrs  []json.RawMessage // "name":value
}

var _ slog.Handler = (*lines)(nil)

func newLines(w io.Writer, level slog.Level) *lines {
	return &lines{mu: new(sync.Mutex), w: w, level: level}
}

func (l *lines) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	line := []byte{'{'}
	for _, a := range []slog.Attr{
		slog.String("@level", levelName(r.Level)), slog.String("@message", r.Message),
		slog.String("@timestamp", r.Time.Format("2006-01-02T15:04:05.000000Z07:00")),
	} {
		line = append(append(line, member(a.Key, a.Value.Any())...), ',')
	}
	attrs := l.attrs[:len(l.attrs):len(l.attrs)]
	r.Attrs(func(a slog.Attr) bool {
		attrs = flatten(attrs, l.prefix, a)
		return true
	})
	for _, a := range attrs {
		line = append(append(line, a...), ',')
	}
	line[len(line)-1] = '}'
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.w.Write(append(line, '\n'))
	return err
}

func (l *lines) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *l
	next.attrs = l.attrs[:len(l.attrs):len(l.attrs)]
	for _, a := range attrs {
		next.attrs = flatten(next.attrs, l.prefix, a)
	}
	return &next
}

func (l *lines) WithGroup(name string) slog.Handler {
	next := *l
	if name != "" {
		next.prefix += name + "."
	}
	return &next
}

// flatten appends an attribute, or those of a group.
func flatten(attrs []json.RawMessage, prefix string, a slog.Attr) []json.RawMessage {
	v := a.Value.Resolve()
	switch {
	case a.Equal(slog.Attr{}):
		return attrs
	case v.Kind() != slog.KindGroup:
		return append(attrs, member(prefix+a.Key, v.Any()))
	case a.Key != "":
		prefix += a.Key + "."
	}
	for _, x := range v.Group() {
		attrs = flatten(attrs, prefix, x)
	}
	return attrs
}

// member is a member of a JSON object. What is no JSON is told as text.
func member(name string, value any) json.RawMessage {
	switch v := value.(type) {
	case error:
		value = v.Error()
	case time.Duration:
		value = v.String()
	}
	text, err := json.Marshal(value)
	if err != nil {
		text, _ = json.Marshal(fmt.Sprint(value))
	}
	key, _ := json.Marshal(name)
	return append(append(key, ':'), text...)
}

// levelName is one of the four names that the router knows.
func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	}
	return "error"
}
