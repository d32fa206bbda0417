package core

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
)

const (
	// linesPerSecond is how many lines of one level each part of the router may
	// write: a flood of refusals must not become a flood of log. Counts are exact
	// all the same, and the log says how many lines were left out. Whoever asks for
	// debug gets all of it.
	linesPerSecond = 200
	// leftOutEvery is how often it says so, and how exactly a level goes back.
	leftOutEvery = time.Second
)

// logs are the logs of the router's parts, each with a level of its own that may
// change while the router runs.
type logs struct {
	base zerolog.Logger

	mu    sync.Mutex
	cfg   config.Log
	parts map[string]*partLog
}

func newLogs(cfg config.Log, base zerolog.Logger) *logs {
	l := &logs{base: base, cfg: cfg, parts: make(map[string]*partLog)}
	for _, name := range config.LogParts() {
		l.part(name)
	}
	return l
}

// part is the log of one part, the same however often it is asked for.
func (l *logs) part(name string) zerolog.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.parts[name]
	if p == nil {
		p = newPartLog(name, l.configured(name))
		l.parts[name] = p
	}
	return l.base.Level(p.floor).With().Str("part", name).Logger().Hook(p).Sample(p)
}

// configured is the level of a part that the configuration has.
func (l *logs) configured(name string) zerolog.Level {
	if level, err := zerolog.ParseLevel(l.cfg.Levels[name]); err == nil && level != zerolog.NoLevel {
		return level
	}
	return l.base.GetLevel()
}

// use takes the levels of another configuration. What an operator has set for a
// while stays for that while.
func (l *logs) use(cfg config.Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cfg = cfg
	for name, p := range l.parts {
		if p.configured = l.configured(name); p.until.IsZero() {
			p.set(p.configured)
		}
	}
}

// Run tells what was left out, and takes levels back, until ctx ends.
func (l *logs) Run(ctx context.Context) error {
	tick := time.NewTicker(leftOutEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			l.tell()
			return nil
		case now := <-tick.C:
			l.tell()
			l.restore(now)
		}
	}
}

// tell says how many lines of each part were left out since the last time.
func (l *logs) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, p := range l.parts {
		left := p.left.Load()
		if lines := left - p.told; lines > 0 {
			l.base.Warn().Str("part", name).Uint64("lines", lines).Msgf("lines were left out: more than %d a second of one level", linesPerSecond)
		}
		p.told = left
	}
}

// restore takes levels back whose time is over.
func (l *logs) restore(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, p := range l.parts {
		if !p.until.IsZero() && !now.Before(p.until) {
			p.until = time.Time{}
			p.set(p.configured)
			l.base.Info().Str("part", name).Stringer("to", p.configured).Msg("log level is back")
		}
	}
}

// list gives the levels by name of the part.
func (l *logs) list() []admin.PartLevel {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []admin.PartLevel
	for name, p := range l.parts {
		out = append(out, admin.PartLevel{Part: name, Level: p.level().String(), Configured: p.configured.String(), Until: p.until, LeftOut: p.left.Load()})
	}
	slices.SortFunc(out, func(a, b admin.PartLevel) int { return cmp.Compare(a.Part, b.Part) })
	return out
}

// set changes the level of a part, for a while or until it is set again.
func (l *logs) set(c admin.LevelChange) error {
	if !slices.Contains(config.LogLevels(), c.Level) {
		return fmt.Errorf("%w: log level %q is none of %s", admin.ErrBad, c.Level, strings.Join(config.LogLevels(), ", "))
	}
	if c.Seconds < 0 || c.Seconds > maxLevelSeconds {
		return fmt.Errorf("%w: a log level is set for 0 (for good) to %d seconds, not %d", admin.ErrBad, maxLevelSeconds, c.Seconds)
	}
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.parts[c.Part]
	if p == nil {
		return fmt.Errorf("part %q: %w: headgate log level names them", c.Part, admin.ErrNotFound)
	}
	if level < p.floor {
		return fmt.Errorf("%w: plugins are told their level when they start: it has to stand in [log] levels", admin.ErrBad)
	}
	p.set(level)
	if p.until = (time.Time{}); c.Seconds > 0 {
		p.until = time.Now().Add(time.Duration(c.Seconds) * time.Second)
	}
	return nil
}

// maxLevelSeconds is a month: who wants longer wants it for good.
const maxLevelSeconds = 30 * 24 * 60 * 60

// partLog says which lines of a part are written.
type partLog struct {
	now   atomic.Int32 // a zerolog.Level
	floor zerolog.Level
	burst zerolog.LevelSampler
	left  atomic.Uint64

	configured zerolog.Level // these under logs.mu
	until      time.Time     // zero for good
	told       uint64        // of left
}

func newPartLog(name string, level zerolog.Level) *partLog {
	p := &partLog{floor: min(level, zerolog.DebugLevel), configured: level}
	if name == "plugin" { // whose logger's level is what plugins are told
		p.floor = level
	}
	p.set(level)
	burst := func() zerolog.Sampler {
		return &zerolog.BurstSampler{Burst: linesPerSecond, Period: time.Second, NextSampler: (*leftOut)(p)}
	}
	p.burst = zerolog.LevelSampler{InfoSampler: burst(), WarnSampler: burst(), ErrorSampler: burst()}
	return p
}

func (p *partLog) level() zerolog.Level    { return zerolog.Level(p.now.Load()) }
func (p *partLog) set(level zerolog.Level) { p.now.Store(int32(level)) }

// Sample implements zerolog.Sampler: it is asked before a line is put together.
func (p *partLog) Sample(of zerolog.Level) bool { return of >= p.level() && p.burst.Sample(of) }

// Run implements zerolog.Hook, for who writes without sampling.
func (p *partLog) Run(e *zerolog.Event, of zerolog.Level, _ string) {
	if of < p.level() {
		e.Discard()
	}
}

// leftOut counts what a burst does not let through.
type leftOut partLog

// Sample implements zerolog.Sampler.
func (l *leftOut) Sample(zerolog.Level) bool { l.left.Add(1); return false }
