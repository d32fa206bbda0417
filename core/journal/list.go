package journal

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// defaultList is how many statuses List gives when it is not told.
const defaultList = 100

// listStep is how many events List looks at before it lets others go on.
const listStep = 1 << 14

// List implements outbox.Asking. Events that have ended are looked for in the
// segments' notes, the others in the index.
func (j *Journal) List(ctx context.Context, f outbox.Filter) ([]outbox.Status, error) {
	if f.Limit <= 0 {
		f.Limit = defaultList
	}
	var out []outbox.Status
	for after := f.After; len(out) < f.Limit && after != math.MaxUint64; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		seqs, last, err := j.following(after, &f)
		if err != nil {
			return nil, err
		}
		after = last
		for _, seq := range seqs {
			st, err := j.status(seq)
			if errors.Is(err, outbox.ErrNotFound) || errors.Is(err, ErrDamaged) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if fits(&st, &f) {
				if out = append(out, st); len(out) == f.Limit {
					break
				}
			}
		}
	}
	return out, nil
}

// following gives the next sequences above one that may fit a filter, and up to
// where there are no others.
func (j *Journal) following(after uint64, f *outbox.Filter) (seqs []uint64, last uint64, _ error) {
	if f.Held || f.State == outbox.StatePending || f.State == outbox.StateFailed {
		seqs, last = j.followingLegs(after, f)
		return seqs, last, nil
	}
	seqs, err := j.followingEvents(after)
	if len(seqs) == 0 {
		return nil, math.MaxUint64, err
	}
	return seqs, seqs[len(seqs)-1], err
}

// followingLegs gives those of legs that have not ended. It looks at a bounded
// number of them; last is up to where.
func (j *Journal) followingLegs(after uint64, f *outbox.Filter) (seqs []uint64, last uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	last = math.MaxUint64
	for name, c := range j.channels {
		if f.Channel != "" && f.Channel != name {
			continue
		}
		looked := 0
		c.legs.Each(after+1, func(l index.Leg) bool {
			if (!f.Held || l.Held) && (f.State == "" || l.Dead == (f.State == outbox.StateFailed)) {
				seqs = append(seqs, l.Seq)
			}
			if looked++; looked < lookStep {
				return true
			}
			last = min(last, l.Seq)
			return false
		})
	}
	slices.Sort(seqs)
	end, _ := slices.BinarySearch(seqs, last)
	if end < len(seqs) && seqs[end] == last {
		end++
	}
	return slices.Compact(seqs[:end]), last
}

// firstOf sorts sequences, and keeps those that no unseen one may come before.
func firstOf(seqs []uint64) []uint64 {
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	return seqs[:min(len(seqs), listStep)]
}

// followingEvents gives events of all states.
func (j *Journal) followingEvents(after uint64) ([]uint64, error) {
	j.reading.RLock()
	defer j.reading.RUnlock()
	j.mu.Lock()
	type source struct {
		s    *segment
		text []byte
	}
	var list []source
	for _, s := range j.segments {
		if s.seqs.low == 0 || s.seqs.high <= after {
			continue
		}
		x := source{s: s}
		if s.notes != nil {
			x.text = s.notes.text[:len(s.notes.text):len(s.notes.text)] // only ever appended to
		}
		list = append(list, x)
	}
	j.mu.Unlock()
	slices.SortFunc(list, func(a, b source) int {
		return cmp.Compare(a.s.seqs.low, b.s.seqs.low)
	})
	var seqs []uint64
	limit := uint64(math.MaxUint64) // no segment that was not looked at has a lower one
	for _, x := range list {
		if len(seqs) >= listStep && x.s.seqs.low > limit {
			break
		}
		if x.text == nil {
			var err error
			if x.text, err = x.s.summary.notes(); err != nil {
				return nil, err
			}
		}
		to := nobody()
		to.event = func(e *eventNote) {
			if e.seq > after {
				seqs = append(seqs, e.seq)
			}
		}
		eachNote(x.s.number, x.text, to)
		if len(seqs) >= listStep {
			slices.Sort(seqs)
			seqs = slices.Compact(seqs)
			limit = seqs[min(len(seqs), listStep)-1]
		}
	}
	return firstOf(seqs), nil
}

func fits(st *outbox.Status, f *outbox.Filter) bool {
	if f.Source != "" && f.Source != st.Source || f.Type != "" && f.Type != st.Type || f.Principal != "" && f.Principal != st.Principal.String() ||
		!f.ByKey(st.Principal, st.Proof, st.KeyID) {
		return false
	}
	if f.Channel == "" && f.State == "" && !f.Held {
		return true
	}
	for i := range st.Channels {
		c := &st.Channels[i]
		if (f.Channel == "" || c.Channel == f.Channel) && (f.State == "" || c.State == f.State) && (!f.Held || c.Held) {
			return true
		}
	}
	return false
}
