package producer

import (
	"context"
	"time"
)

// Pauses makes p note its pauses instead of making them.
func (p *Producer) Pauses(note func(time.Duration)) {
	p.sleep = func(ctx context.Context, d time.Duration) error {
		note(d)
		return ctx.Err()
	}
}

// Pause is pause.
func Pause(try int, after time.Duration) time.Duration { return pause(try, after) }

// ParseAnswer is parseAnswer.
func ParseAnswer(text []byte, events int) (Answer, error) { return parseAnswer(text, events) }
