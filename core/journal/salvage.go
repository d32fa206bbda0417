package journal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/ids"
)

// Salvaged tells what Salvage has found.
type Salvaged struct {
	Segments int      `json:"segments"` // written
	Records  int      `json:"records"`  // that check out
	Lost     []string `json:"lost"`     // what does not, each with its place
}

// Salvage copies all that checks out of a journal that nobody uses into an
// empty directory, and changes nothing in the first. Every record keeps its
// place; where one cannot be read there is a gap. Identities' runs are copied
// when they are whole.
func Salvage(from, to disk.FS) (Salvaged, error) {
	out := Salvaged{Lost: []string{}}
	if names, err := to.List(); err != nil || len(names) > 0 {
		return out, errors.Join(err, errors.New("journal: salvage: the new directory is not empty"))
	}
	names, err := from.List()
	if err != nil {
		return out, fmt.Errorf("journal: salvage: %w", err)
	}
	lostRun := false
	for _, name := range names {
		n, isSegment := numberOf(name, ".seg")
		if !isSegment && !isRun(name) {
			continue // summaries are made anew
		}
		b, err := readFile(from, name)
		if err == nil && !isSegment {
			err = ids.Check(from, name)
		}
		if err != nil {
			out.Lost = append(out.Lost, fmt.Sprintf("%s: %v", name, err))
			lostRun = lostRun || !isSegment
			continue
		}
		if isSegment {
			known := false
			if sum, _, err := openSummary(from, n); err == nil {
				known, b = true, b[:min(sum.end, int64(len(b)))]
				if err := sum.file.Close(); err != nil {
					return out, fmt.Errorf("journal: salvage: %w", err)
				}
			}
			b, err = out.segment(n, b, known)
			if errors.Is(err, ErrNewer) {
				return out, fmt.Errorf("journal: salvage: %s: %w", name, err)
			}
			out.Segments++
		}
		if err := writeFile(to, name, b); err != nil {
			return out, fmt.Errorf("journal: salvage: %w", err)
		}
	}
	if lostRun {
		if err := remember(to); err != nil {
			return out, fmt.Errorf("journal: salvage: %w", err)
		}
	}
	return out, nil
}

// remember puts the identities of a journal's events into a run, where the
// run that had them is lost.
func remember(fsys disk.FS) error {
	set, err := ids.Open(ids.Options{FS: fsys, Remember: 1 << 62, Max: 1 << 40})
	if err != nil {
		return err
	}
	j := &Journal{fs: fsys, ids: set, log: zerolog.Nop(), channels: make(map[string]*channel), cache: newCache()}
	l := &loading{j: j, look: true, all: true}
	_, tail, err := l.segments()
	l.also(tail)
	for _, s := range j.segments {
		err = errors.Join(err, s.close())
	}
	for _, x := range l.sorted() {
		set.Add(x.id, x.Known)
	}
	set.Seal()
	return errors.Join(err, set.Keep(j.Newest(), func(uint64) bool { return false }), set.Close())
}

// segment gives a segment's bytes with gaps where nothing could be read.
func (out *Salvaged) segment(number uint32, b []byte, known bool) ([]byte, error) {
	h, err := parseHeader(b)
	if errors.Is(err, ErrNewer) {
		return nil, err
	}
	if err != nil || h.number != number {
		out.Lost = append(out.Lost, fmt.Sprintf("%s: its header, which is made anew: %v", segmentName(number), err))
		h = header{number: number, size: int64(len(b))}
	}
	found := scan(number, b, known)
	whole := make([]byte, headSize, found.end)
	copy(whole, h.bytes())
	for _, r := range found.records {
		if err := checkRecord(&r); err != nil {
			out.Lost = append(out.Lost, fmt.Sprintf("%s: record at %d: %v", segmentName(number), r.at.Offset, err))
			continue
		}
		whole = fillGap(whole, number, int64(r.at.Offset))
		whole = appendRecord(whole, r.at, r.text)
		out.Records++
	}
	for _, d := range found.damages {
		out.Lost = append(out.Lost, d.String())
	}
	if found.tornFrom != 0 {
		out.Lost = append(out.Lost, fmt.Sprintf("%s: from %d on: %s", segmentName(number), found.tornFrom, lastWords))
	}
	return whole, nil
}

// fillGap puts a record that says nothing up to an offset.
func fillGap(b []byte, number uint32, to int64) []byte {
	gap := to - int64(len(b))
	if gap < 2*recordHead {
		return b
	}
	text := make([]byte, gap-recordHead)
	text[0] = byte(kindGap)
	return appendRecord(b, placeAt(number, int64(len(b))), text)
}

func writeFile(fsys disk.FS, name string, b []byte) error {
	f, err := fsys.Create(name, int64(len(b)))
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(b, 0); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), fsys.Sync())
}

// Copy copies a journal that nobody uses into an empty directory.
func Copy(from, to disk.FS) error {
	names, err := from.List()
	if err != nil {
		return fmt.Errorf("journal: copy: %w", err)
	}
	for _, name := range names {
		_, isSegment := numberOf(name, ".seg")
		_, isSummary := numberOf(name, ".idx")
		if !isSegment && !isSummary && !isRun(name) {
			continue
		}
		b, err := readFile(from, name)
		if err == nil {
			err = writeFile(to, name, b)
		}
		if err != nil {
			return fmt.Errorf("journal: copy: %w", err)
		}
	}
	return nil
}

func isRun(name string) bool {
	return strings.HasPrefix(name, "ids-") && strings.HasSuffix(name, ".run")
}
