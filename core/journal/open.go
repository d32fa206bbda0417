package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// Open reads the journal in o.Dir, or begins one there. Nobody else may have
// it open: the caller holds the lock of its directory.
func Open(o Options) (_ *Journal, err error) {
	if o.FS == nil {
		if o.FS, err = disk.Open(o.Dir); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
	}
	j := &Journal{o: o, fs: o.FS, log: o.Log, gather: newGroup(), joining: make(map[ids.Hash]*pending), channels: make(map[string]*channel),
		cache: newCache(), waiters: make(map[uint64][]chan struct{}), tidy: make(chan struct{}, 1)}
	for name, most := range o.MaxPending {
		j.channels[name] = newChannel(name, most)
	}
	j.ids, err = ids.Open(ids.Options{FS: o.FS, Remember: max(o.Remember, o.KeepStatus), Max: o.MaxIDs, Newest: o.NewestIDs})
	if err != nil {
		hint := ""
		if errors.Is(err, ids.ErrDamaged) { // events could be accepted twice
			hint = ": headgate data salvage goes on without what cannot be read"
		}
		return nil, fmt.Errorf("journal: identities: %w%s", err, hint)
	}
	l := &loading{j: j}
	if err := l.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %w", err), j.abandon())
	}
	st := j.Stats()
	j.log.Info().Int("events", st.Entries).Int64("bytes", st.Bytes).Int("segments", st.Disk.Segments).Int("ids", st.IDs).Bool("closed_cleanly", l.clean).
		Msg("journal opened")
	return j, nil
}

// abandon closes what was opened.
func (j *Journal) abandon() error {
	errs := []error{j.ids.Close()}
	for _, s := range j.segments {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// loading makes a journal of what is on the disk.
type loading struct {
	j     *Journal
	look  bool       // only look: nothing on the disk changes
	all   bool       // every identity is wanted, covered or not
	clean bool       // the last segment ends the journal as it was closed
	added []identity // above what the identities' runs cover
}

type identity struct {
	id ids.Hash
	ids.Known
}

func (l *loading) load() error {
	j := l.j
	last, tail, err := l.segments()
	if err != nil {
		return err
	}
	l.clean = l.clean || last == nil
	j.seq = max(j.seq, j.ids.Covered()) // also where the last segments are lost: what is covered is not read again
	if err := l.begin(last, tail); err != nil {
		return err
	}
	l.count()
	for _, x := range l.sorted() {
		j.ids.Add(x.id, x.Known)
	}
	for _, c := range j.channels {
		c.lapse(j.seen.Load())
		if !l.clean {
			c.legs.Restarted(min(c.sent, j.seq)) // what comes from now on was not sent
		}
	}
	if l.clean {
		return nil
	}
	_, err = j.noteAttempts(func(c *channel, leg index.Leg) bool { return leg.Seq <= c.sent })
	return err
}

// lapse makes hand-overs whose lease has ended by now those that nobody speaks
// for: they may have been handed out again since.
func (c *channel) lapse(now int64) {
	var lapsed []index.Leg
	c.legs.Each(0, func(leg index.Leg) bool {
		if leg.Until != 0 && leg.Until <= now {
			lapsed = append(lapsed, leg)
		}
		return leg.Seq <= c.sent
	})
	for _, leg := range lapsed {
		leg.Past.Until = 0
		c.legs.Lease(leg.Seq, leg.Past)
	}
}

// sorted gives the identities by sequence: that of a copied event comes late.
func (l *loading) sorted() []identity {
	slices.SortStableFunc(l.added, func(a, b identity) int { return cmp.Compare(a.Seq, b.Seq) })
	return l.added
}

// segments reads all segments. It gives the last one, and its records that may
// not be on the disk.
func (l *loading) segments() (last *segment, tail []record, _ error) {
	numbers, err := l.numbers()
	if err != nil {
		return nil, nil, err
	}
	for i, n := range numbers {
		next := uint32(0)
		if i+1 < len(numbers) {
			next = numbers[i+1]
		}
		if last, tail, err = l.segment(n, next); err != nil {
			return nil, nil, err
		}
	}
	return last, tail, nil
}

// numbers gives the segments there are, and removes what is left over.
func (l *loading) numbers() ([]uint32, error) {
	names, err := l.j.fs.List()
	if err != nil {
		return nil, err
	}
	var numbers []uint32
	for _, name := range names {
		if n, ok := numberOf(name, ".seg"); ok {
			numbers = append(numbers, n)
		}
	}
	if !l.look && slices.Contains(names, spareName) {
		if l.j.spare, err = sizeOf(l.j.fs, spareName); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		n, isSummary := numberOf(name, ".idx")
		orphan := isSummary && !slices.Contains(numbers, n)
		if !l.look && (orphan || name == halfName || strings.HasSuffix(name, ".idx.tmp")) {
			if err := l.j.fs.Remove(name); err != nil {
				return nil, err
			}
		}
	}
	return numbers, nil
}

func sizeOf(fsys disk.FS, name string) (int64, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return 0, err
	}
	size, err := f.Size()
	return size, errors.Join(err, f.Close())
}

func numberOf(name, suffix string) (uint32, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	var n uint32
	if _, err := fmt.Sscanf(digits, "%d", &n); !ok || err != nil || name != fmt.Sprintf("%08d%s", n, suffix) {
		return 0, false
	}
	return n, true
}

// openSegment opens a segment's file and reads its header.
func openSegment(fsys disk.FS, number uint32) (*segment, error) {
	f, err := fsys.Open(segmentName(number))
	if err != nil {
		return nil, err
	}
	b := make([]byte, headSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("%s: %w", segmentName(number), err), f.Close())
	}
	h, err := parseHeader(b[:n])
	if err == nil && h.number != number {
		err = fmt.Errorf("%w: it is segment %d under another name", ErrDamaged, h.number)
	}
	if err != nil {
		hint := ""
		if errors.Is(err, ErrDamaged) {
			hint = ": headgate data salvage collects what can be read"
		}
		return nil, errors.Join(fmt.Errorf("%s: %w%s", segmentName(number), err, hint), f.Close())
	}
	return &segment{header: h, file: f, end: headSize, synced: headSize, marked: headSize}, nil
}

// segment reads one segment. Of the last one that was not sealed it gives the
// records that no mark covers: they may not be on the disk yet.
func (l *loading) segment(number, next uint32) (*segment, []record, error) {
	j := l.j
	s, err := openSegment(j.fs, number)
	if err != nil {
		return nil, nil, err
	}
	replaced := int64(0)
	if next != 0 {
		follower, err := openSegment(j.fs, next)
		if err != nil {
			return nil, nil, errors.Join(err, s.close())
		}
		if !follower.follows(number) {
			j.stats.Damaged++
			j.log.Error().Str("after", s.name()).Str("before", follower.name()).Msg("the journal is damaged: segments are missing, the rest is delivered")
		}
		if follower.instead == number {
			replaced = int64(follower.from)
		}
		if err := follower.close(); err != nil {
			return nil, nil, errors.Join(err, s.close())
		}
	}
	if replaced == headSize { // all of it is in the next one
		err := s.close()
		if !l.look {
			err = errors.Join(err, j.fs.Remove(s.name()))
		}
		return s, nil, err
	}
	j.segments = append(j.segments, s)
	j.seq = max(j.seq, max(s.seq, 1)-1)
	if ok, err := l.summarised(s); ok || err != nil {
		return s, nil, err
	}
	return l.scanned(s, replaced, next == 0)
}

// summarised reads a segment by its summary, if there is a sound one.
func (l *loading) summarised(s *segment) (bool, error) {
	sum, text, err := openSummary(l.j.fs, s.number)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		l.j.log.Warn().Err(err).Msg("a summary cannot be used: its segment is read instead")
		if l.look {
			return false, nil
		}
		return false, l.j.fs.Remove(summaryName(s.number))
	}
	s.end, s.sealed, s.summary, l.clean = sum.end, true, sum, sum.clean
	l.j.now(instant(sum.newest))
	channels, ok := eachNote(s.number, text, l.noted(s))
	if !ok {
		return false, fmt.Errorf("%s: %w: remove it, and its segment is read instead", summaryName(s.number), ErrDamaged)
	}
	sum.channels = channels
	return true, nil
}

// scanned reads a segment record by record.
func (l *loading) scanned(s *segment, replaced int64, last bool) (*segment, []record, error) {
	b, err := s.load(nil)
	if err != nil {
		return nil, nil, err
	}
	found := scan(s.number, b, false)
	for _, d := range found.damages {
		l.j.stats.Damaged++
		l.j.log.Error().Str("where", d.String()).Msg("the journal is damaged: what is there is lost, the rest is delivered")
	}
	if found.tornFrom != 0 {
		l.j.log.Warn().Str("segment", s.name()).Int64("offset", found.tornFrom).Msg("what was written last cannot be read, and is left out: it was cut off before it was answered, or damaged since")
	}
	s.notes, s.end, s.sealed = newNotes(), found.end, true
	if n := len(found.records); n > 0 {
		s.notes.clean = isClean(found.records[n-1].text)
	}
	l.clean = s.notes.clean
	cut := int64(len(b)) + 1
	switch {
	case replaced != 0:
		cut = replaced
	case last && !found.sealed:
		cut = found.marked
	}
	var tail []record
	to := l.noted(s)
	for i, r := range found.records {
		if int64(r.at.Offset) >= cut {
			tail = found.records[i:]
			s.end = cut
			break
		}
		n, err := noteOf(&r)
		if err != nil {
			l.j.stats.Damaged++
			l.j.log.Error().Err(err).Str("segment", s.name()).Uint32("offset", r.at.Offset).Msg("the journal has a record that cannot be read")
			continue
		}
		n.tell(s.notes, to)
	}
	s.synced = s.end
	l.j.now(instant(s.notes.newest))
	if replaced != 0 {
		tail = nil
	}
	return s, tail, nil
}

// oneNote is the note of one record; at most one part is there.
type oneNote struct {
	event *eventNote
	state *stateNote
	sent  *sent
}

func noteOf(r *record) (oneNote, error) {
	switch r.kind() {
	case kindEvent:
		e, err := parseHead(r.text)
		if err != nil {
			return oneNote{}, err
		}
		n := e.note(r.at, int64(r.size))
		return oneNote{event: &n}, nil
	case kindState:
		s, err := parseState(r.text)
		if err != nil {
			return oneNote{}, err
		}
		n := s.note(r.at)
		return oneNote{state: &n}, nil
	case kindSent:
		s, err := parseSent(r.text)
		return oneNote{sent: s}, err
	}
	return oneNote{}, nil
}

// tell adds a note to others and tells it to who wants to know.
func (n *oneNote) tell(notes *notes, to noted) {
	switch {
	case n.event != nil:
		notes.addEvent(n.event)
		to.event(n.event)
	case n.state != nil:
		notes.addState(n.state)
		to.state(n.state)
	case n.sent != nil:
		notes.addSent(n.sent)
		to.sent(n.sent)
	}
}

// noted takes the notes of a segment into the index.
func (l *loading) noted(s *segment) noted {
	j := l.j
	return noted{
		event: func(n *eventNote) {
			s.addEvent(n)
			j.seq = max(j.seq, n.seq)
			if l.all || !l.look && n.seq > j.ids.Covered() {
				l.added = append(l.added, identity{n.id, ids.Known{Seq: n.seq, Digest: n.digest, At: n.accepted}})
			}
			for i := range n.legs {
				leg := &n.legs[i]
				c := j.channel(leg.channel)
				c.legs.End(n.seq) // as an earlier record has it
				if leg.now == nil {
					c.legs.Add(index.Leg{Seq: n.seq, Event: n.at, Lane: leg.lane, Park: leg.park, Size: index.Size(n.size)})
				} else if !leg.now.ended() {
					past := leg.now.past
					past.State = n.at
					c.legs.Add(index.Leg{Seq: n.seq, Event: n.at, Lane: leg.lane, Park: leg.park, Size: index.Size(n.size),
						Dead: leg.now.action == outbox.Dead, Held: leg.now.held, Past: past})
				}
			}
		},
		state: func(n *stateNote) {
			c := j.channel(n.channel)
			s.newestEnd = max(s.newestEnd, n.now.at)
			if leg, ok := c.legs.Find(n.seq); ok {
				j.transit(c, &leg, n)
			}
			if n.now.ended() {
				s.ends.add(n.seq)
			}
		},
		sent: func(n *sent) {
			c := j.channel(n.channel)
			c.sent = max(c.sent, n.seq)
		},
	}
}

// begin makes the segment that is written from now on. It begins with the
// tail of the last one, which is not known to be on the disk, and replaces it.
func (l *loading) begin(last *segment, tail []record) error {
	j := l.j
	j.pen.seg = last
	if last == nil || len(tail) == 0 {
		next, err := j.prepare(0)
		if err != nil {
			return err
		}
		if err := j.publish(next); err != nil {
			return errors.Join(err, next.file.Close())
		}
		j.begin(next)
	} else {
		next, places, err := j.transplant(last, tail, last.end)
		if err != nil {
			return err
		}
		j.begin(next)
		to := l.noted(next)
		for _, r := range places {
			n, err := noteOf(&r)
			if err != nil {
				return fmt.Errorf("%s: record at %d: %w", next.name(), r.at.Offset, err)
			}
			n.tell(next.notes, to)
		}
		j.now(instant(next.notes.newest))
	}
	if err := j.preamble(); err != nil {
		return err
	}
	return j.flush()
}

// also reads the tail of the last segment where it lies, for who only looks.
func (l *loading) also(tail []record) {
	for _, r := range tail {
		if n, err := noteOf(&r); err == nil {
			n.tell(newNotes(), l.noted(l.j.segments[len(l.j.segments)-1]))
		}
	}
}

// count counts what each segment is needed for.
func (l *loading) count() {
	j := l.j
	for _, s := range j.segments {
		s.events, s.states, s.liveBytes = 0, 0, 0
	}
	for _, c := range j.channels {
		c.legs.Each(0, func(leg index.Leg) bool {
			if s := j.segment(leg.Event.Segment); s != nil {
				s.events++
				s.liveBytes += leg.Size
			}
			if s := j.segment(leg.State.Segment); s != nil && leg.State != (index.Place{}) {
				s.states++
			}
			return true
		})
	}
}
