package trust

import (
	"slices"
	"sync"
	"time"
)

// Hint is a key id that a token shows and nobody knows: the issuer may have
// begun to use it. Both were read from a token that did not verify.
type Hint struct {
	Issuer string
	KeyID  string
}

// hintEvery is how often an issuer's provider is told of unknown keys: a stream
// of invented ones must not become a stream of fetches.
const hintEvery = 30 * time.Second

// hints are what a provider is to be told. One waits for each issuer at most: what
// it has fetched brings every key.
type hints struct {
	woken chan struct{} // holds something when there is a new one

	mu sync.Mutex
	of map[string]*hinting // by issuer, complete from the start
}

type hinting struct {
	waiting string    // the newest id; empty for none
	told    time.Time // when the last one was taken; zero for never
}

func newHints(issuers []string) *hints {
	h := &hints{woken: make(chan struct{}, 1), of: make(map[string]*hinting, len(issuers))}
	for _, issuer := range issuers {
		h.of[issuer] = new(hinting)
	}
	return h
}

// wait is how long it is until the provider may be told; nothing for a clock that was
// set back.
func (i *hinting) wait(now time.Time) time.Duration {
	since := now.Sub(i.told)
	if i.told.IsZero() || since < 0 {
		return 0
	}
	return max(0, hintEvery-since)
}

// Hinted holds something when [Authority.Hint] is worth a call. It has one reader.
func (a *Authority) Hinted() <-chan struct{} { return a.hints.woken }

// Hint takes what the provider is to be told at now, at most one hint per issuer in
// 30 seconds. Without one, wait says when there will be, unless others come before;
// it is 0 for never.
func (a *Authority) Hint(now time.Time) (h Hint, wait time.Duration, ok bool) {
	a.hints.mu.Lock()
	defer a.hints.mu.Unlock()
	for _, issuer := range a.settings.Issuers {
		i := a.hints.of[issuer]
		if i.waiting != "" && a.knows(issuer, i.waiting) {
			i.waiting = "" // its bundle came meanwhile
		}
		if i.waiting == "" {
			continue
		}
		if left := i.wait(now); left > 0 {
			if wait == 0 || left < wait {
				wait = left
			}
			continue
		}
		h = Hint{Issuer: issuer, KeyID: i.waiting}
		i.waiting, i.told = "", now
		return h, 0, true
	}
	return Hint{}, wait, false
}

// hint notes which key a token of the issuer is signed by, and gives the seconds
// after which the key may be there.
func (a *Authority) hint(issuer, kid string, now time.Time) (retryAfter int) {
	a.hints.mu.Lock()
	i := a.hints.of[issuer]
	i.waiting = kid
	wait := i.wait(now)
	a.hints.mu.Unlock()
	select {
	case a.hints.woken <- struct{}{}:
	default: // who reads is woken already
	}
	return int((wait+time.Second-1)/time.Second) + retryKeyUnknown
}

// knows tells that the issuer's keys have that id by now.
func (a *Authority) knows(issuer, kid string) bool {
	b := a.bundle.Load()
	return b != nil && b.issuers[issuer] != nil && slices.Contains(b.issuers[issuer].keys, kid)
}
