package ids

import (
	"errors"

	"github.com/headgate-io/headgate/core/journal/disk"
)

var errTooMany = errors.New("ids: more entries than there is room for")

// write makes a run of at most most entries, which next gives in order of
// their hashes until it says no. Of the header, only what is not found out on
// the way is asked for: which runs it stands for, none for itself alone, and
// what it covers. The run is there as a whole, and durable, or not at all.
func (s *Set) write(h header, most int, next func() (entry, bool, error)) (_ *run, err error) {
	h.number = s.number
	s.number++
	if h.first == 0 {
		h.first, h.last = h.number, h.number
	}
	x := newIndex(most)
	h.buckets = uint64(buckets(most))
	file, err := s.o.FS.Create(draftName(h.number), int64(filePages(uint64(most), h.buckets)*pageSize))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			s.stray = append(s.stray, draftName(h.number), runName(h.number))
			_ = s.sweep() // the next Keep tries again
		}
	}()
	if err := fill(file, &h, x, next); err != nil {
		return nil, err
	}
	if err := file.Sync(); err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	if err := s.o.FS.Rename(draftName(h.number), runName(h.number)); err != nil {
		return nil, err
	}
	if err := s.o.FS.Sync(); err != nil {
		return nil, err
	}
	opened, err := s.o.FS.Open(runName(h.number))
	if err != nil {
		return nil, err
	}
	return &run{header: h, file: opened, index: x}, nil
}

// fill writes the entries, the index, and the header, which it completes.
func fill(file disk.File, h *header, x *index, next func() (entry, bool, error)) error {
	w := newPageWriter(file, h.number, 1, filePages(uint64(cap(x.prints)), h.buckets))
	var body []byte
	for {
		e, ok, err := next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if len(x.prints) == cap(x.prints) {
			return errTooMany
		}
		if h.count%pageEntries == 0 {
			if body, err = w.body(); err != nil {
				return err
			}
		}
		e.encode(body[h.count%pageEntries*entrySize:])
		x.add(e.hash)
		if h.count == 0 || e.At < h.oldest {
			h.oldest = e.At
		}
		if h.count == 0 || e.At > h.newest {
			h.newest = e.At
		}
		h.count++
	}
	x.done()
	if err := x.write(w); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	page := make([]byte, pageSize)
	h.encode(page)
	sealPage(h.number, 0, page)
	if _, err := file.WriteAt(page, 0); err != nil {
		return err
	}
	return file.Truncate(int64(filePages(h.count, h.buckets) * pageSize))
}
