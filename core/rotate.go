package core

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/config"
)

const (
	// rereadEvery is how often files are looked at. With settleAfter and the
	// reading itself it keeps within the second in which a revoked key is dead.
	rereadEvery = 500 * time.Millisecond
	// settleAfter is how soon a file that has changed is read once more: it may
	// be in the midst of being written.
	settleAfter = 100 * time.Millisecond
	// retryEvery is how often files that are not good are read though they look the
	// same: what was wrong may not have been theirs.
	retryEvery = 10 * time.Second
)

// source is something that stands in files and may change while the router runs.
// Files are looked at, not watched: links that are swapped, as Kubernetes does,
// are followed that way. A change counts once two readings in a row agree; a bad
// one changes nothing and is told of once.
type source[T any] struct {
	name string // for the log
	read func() (value T, files []string, err error)
	same func(a, b T) bool
	use  func(T) error // has nothing to do for what is in use already
	// urgent, where it is not nil, takes what must not wait for a second reading,
	// nor for what else is wrong with the first.
	urgent func(T)
	log    zerolog.Logger

	files   []string
	look    look
	last    T
	lastErr error
	begun   bool
	settled bool                   // nothing is to be read before the files look otherwise
	retry   time.Time              // or before then; zero for never
	fault   atomic.Pointer[string] // that was told last; nil before the first reading
}

// Fault is why what stands in the files does not count; empty while it does.
func (s *source[T]) Fault() string {
	if told := s.fault.Load(); told != nil {
		return *told
	}
	return ""
}

// partly is the error of a use that took the rest of what was read.
type partly struct{ error }

func (p partly) Unwrap() error { return p.error }

type rereader interface{ reread() (unsettled bool) }

// rotate reads what stands in files anew until ctx ends.
func (c *Core) rotate(ctx context.Context) error {
	timer := time.NewTimer(rereadEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		wait := rereadEvery
		if c.reread() {
			wait = settleAfter
		}
		timer.Reset(wait)
	}
}

// reread has every source of the arrangement that is in place look at its files.
func (c *Core) reread() (unsettled bool) {
	c.changing.Lock()
	defer c.changing.Unlock()
	for _, s := range c.at.Load().rereaders() {
		unsettled = s.reread() || unsettled
	}
	return unsettled
}

// reread reads what looks otherwise than before. It reports whether it should be
// called again soon.
func (s *source[T]) reread() (unsettled bool) {
	now := lookAt(s.files) // before the reading, so that no change is missed
	if s.settled && now.equal(s.look) && (s.retry.IsZero() || time.Now().Before(s.retry)) {
		return false
	}
	value, files, err := s.read()
	agrees := s.begun && text(err) == text(s.lastErr) && s.same(value, s.last)
	s.files, s.look, s.last, s.lastErr, s.begun = files, now, value, err, true
	if s.urgent != nil {
		s.urgent(value)
	}
	if s.settled = false; !agrees {
		return true
	}
	if err == nil {
		err = s.use(value)
	}
	if s.settled, s.retry = now.rests(), (time.Time{}); err != nil {
		s.retry = time.Now().Add(retryEvery)
	}
	s.tell(err)
	return false
}

func (s *source[T]) tell(err error) {
	fault := text(err)
	_, rest := errors.AsType[partly](err)
	switch {
	case fault == s.Fault():
	case fault != "" && rest:
		s.log.Error().Err(err).Msg(s.name + ": not all that stands in the files counts")
	case fault != "":
		s.log.Error().Err(err).Msg(s.name + ": what stands in the files is not good, all stays as it is")
	default:
		s.log.Info().Msg(s.name + ": the files are good again")
	}
	s.fault.Store(&fault)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// look is how files look from outside, by path; nil for one that is not there.
type look map[string]fs.FileInfo

// lookAt looks at files, and at those in directories that do not hide.
func lookAt(paths []string) look {
	l := make(look, len(paths))
	for _, path := range paths {
		info, err := os.Stat(path)
		if l[path] = info; err != nil || !info.IsDir() {
			continue
		}
		entries, _ := os.ReadDir(path) // what cannot be read is for who reads it
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				path := filepath.Join(path, e.Name())
				l[path], _ = os.Stat(path)
			}
		}
	}
	return l
}

func (l look) equal(other look) bool {
	return maps.EqualFunc(l, other, config.SameLook)
}

// rests reports whether no file has changed so lately that it may change again
// unseen.
func (l look) rests() bool {
	now := time.Now()
	for _, info := range l {
		if !config.Rests(info, now) {
			return false
		}
	}
	return true
}
