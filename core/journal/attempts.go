package journal

import (
	"errors"
	"maps"

	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// maxNoted bounds how many attempts of a channel are written down at once.
const maxNoted = 1 << 15

// noteAttempts writes down how often legs were, or may have been, handed out,
// so that the next start counts on from there: of those that are pending, may
// be handed out, and that which names. Beyond maxNoted, and on a full disk, not
// all are: an attempt's number may be given again. Callers hold writing, or are
// alone.
func (j *Journal) noteAttempts(which func(*channel, index.Leg) bool) (all bool, _ error) {
	j.mu.Lock()
	channels := maps.Clone(j.channels)
	j.mu.Unlock()
	all = true
	for name, c := range channels {
		var legs []index.Leg
		j.mu.Lock()
		c.legs.Each(0, func(leg index.Leg) bool {
			if which(c, leg) && !leg.Dead && !leg.Held && leg.Until == 0 {
				legs = append(legs, leg)
			}
			return leg.Seq <= c.sent && len(legs) < maxNoted
		})
		j.mu.Unlock()
		all = all && len(legs) < maxNoted
		for _, leg := range legs {
			s := &state{seq: leg.Seq, channel: name, event: leg.Event}
			if before, err := j.readStanding(leg.State, name); err == nil && before != nil {
				s.standing = *before
			}
			s.action, s.held, s.past = outbox.Retry, leg.Held, leg.Past
			err := j.putState(&draft{state: s, settling: new(settling)})
			if errors.Is(err, outbox.ErrDiskFull) {
				return false, j.flush()
			}
			if err != nil {
				return false, err
			}
		}
	}
	return all, j.flush()
}

// noteOuts writes down the hand-overs that nobody has spoken for when the
// journal is closed, and reports whether those are all.
func (j *Journal) noteOuts() (all bool, _ error) {
	return j.noteAttempts(func(_ *channel, leg index.Leg) bool { return leg.Out })
}
