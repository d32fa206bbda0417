package trust

import "time"

// Hint is a key id that a token shows and nobody knows: the issuer may have
// begun to use it. Both were read from a token that did not verify.
type Hint struct {
	Issuer string
	KeyID  string
}

// hintEvery is how often an issuer's provider is told of unknown keys: a stream
// of invented ones must not become a stream of fetches.
const hintEvery = 30 * time.Second

// Hints gives what the provider is to be told, at most one hint per issuer in 30
// seconds.
func (a *Authority) Hints() <-chan Hint { return a.hints }

// hint passes on which key a token of the issuer is signed by, unless it is too
// early for another hint.
func (a *Authority) hint(issuer, kid string, now time.Time) {
	last := a.hinted[issuer]
	was, is := last.Load(), now.UnixNano()
	if since := time.Duration(is - was); was != 0 && 0 <= since && since < hintEvery {
		return
	}
	if !last.CompareAndSwap(was, is) {
		return // another request does it
	}
	select {
	case a.hints <- Hint{Issuer: issuer, KeyID: kid}:
	default: // there is room for one of each issuer: who reads is late by 30 s, and has enough to do
	}
}
