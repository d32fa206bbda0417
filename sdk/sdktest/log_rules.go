package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// logRules are about what a plugin writes, and where.
var logRules = []rule{
	{Rule{"stdout", "After the handshake nothing is written to stdout, which is the router's."}, "configure", 0, tryStdout},
	{Rule{"log-lines", "A line on stderr is plain text, or a JSON object with @level and @message; none is longer than 64 KiB."}, "configure", 0, tryLogLines},
	{Rule{"log-volume", "It logs at most 1 KiB per event, and next to nothing when there is nothing to do."}, "configure", 0, tryLogVolume},
}

func tryStdout(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		if err := x.work(ctx, p); err != nil {
			return err
		}
		p.stop(ctx)
		out, n := p.out.text()
		_, rest, _ := strings.Cut(out, "\n")
		if rest != "" {
			return fmt.Errorf("%d bytes on stdout after the handshake, which begin with %s: print to stderr, or log", n-int64(len(out)-len(rest)), quoted(rest))
		}
		return nil
	})
}

// maxLine is the longest line that go-plugin reads whole, in bytes.
const maxLine = 64 << 10

func tryLogLines(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		if err := x.work(ctx, p); err != nil {
			return err
		}
		logs := p.finalLogs(ctx)
		if logs == "" {
			return inapplicable("it logs nothing")
		}
		for line := range strings.Lines(logs) {
			if err := lineFault(strings.TrimRight(line, "\r\n")); err != nil {
				return err
			}
		}
		return nil
	})
}

// lineFault finds a line that a router cannot read as a log line of hclog.
func lineFault(line string) error {
	if len(line) > maxLine {
		return fmt.Errorf("a log line has %d bytes: want at most %d", len(line), maxLine)
	}
	if !strings.HasPrefix(line, "{") {
		return nil // printed; the router logs it as it is
	}
	var fields struct {
		Level *string `json:"@level"`
		Text  *string `json:"@message"`
	}
	if json.Unmarshal([]byte(line), &fields) != nil || fields.Level == nil || fields.Text == nil {
		return fmt.Errorf("a line on stderr is %s: in JSON a router wants @level and @message", quoted(line))
	}
	return nil
}

// Bounds of a log: a line or two for each event, and for a plugin's own life the
// few lines that tell it.
const (
	logPerEvent = 1 << 10
	logAlways   = 16 << 10
)

func tryLogVolume(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		if err := x.work(ctx, p); err != nil {
			return err
		}
		events := fullBatch * len(x.kinds(transformType))
		_, wrote := p.logs.text()
		if most := int64(logAlways + logPerEvent*events); wrote > most {
			return fmt.Errorf("it logged %d bytes for %d events: want at most %d, for a router drops what is more", wrote, events, most)
		}
		if err := p.gone(ctx, x.limits.quiet); err == nil {
			return errors.New("it ends when it has nothing to do")
		}
		if _, later := p.logs.text(); later > wrote+logAlways {
			return fmt.Errorf("with nothing to do it logged %d bytes in %s", later-wrote, x.limits.quiet)
		}
		return nil
	})
}

// work gives every transform a full batch.
func (x *subject) work(ctx context.Context, p *process) error {
	for _, k := range x.kinds(transformType) {
		if _, err := p.transform(ctx, k.GetName(), needed(k, x.samples(fullBatch))); err != nil {
			return err
		}
	}
	return nil
}

// finalLogs are all that the process logged: it is stopped, as gently as it
// lets itself be.
func (p *process) finalLogs(ctx context.Context) string {
	p.stop(ctx)
	text, _ := p.logs.text()
	return text
}
