package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// extractName is the file that says that a directory is an extract.
const extractName = "extract.json"

// extract says what an extract has.
type extract struct {
	First int64 `json:"first"`
	Size  int64 `json:"size"` // index after its newest record
}

// Span is a part of a log. Zero fields have no bound.
type Span struct {
	Since, Until time.Time // of records
	From, To     int64     // indexes, To not included; 0 for no bound
}

// Extracted is what an extract holds.
type Extracted struct {
	First       int64 `json:"first"`
	Size        int64 `json:"size"` // index after its newest record
	Files       int   `json:"files"`
	Checkpoints int   `json:"checkpoints"`
}

// Extract copies the files that have a span, whole, and the checkpoints of that
// part, into the directory to, which must be new or empty. What comes out is a log
// that Check can check alone.
func Extract(ctx context.Context, dir fs.FS, s Span, to string) (x Extracted, err error) {
	names, err := fs.Glob(dir, "audit-*")
	if err != nil {
		return x, err
	}
	files, err := s.files(dir, filesOf(names))
	if err != nil {
		return x, err
	}
	if len(files) == 0 {
		return x, errors.New("no records of that span are kept")
	}
	text, err := fs.ReadFile(dir, checkpointsName) // before the lines: they reach at least as far
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return x, err
	}
	if err := makeEmpty(to); err != nil {
		return x, err
	}
	x.First, x.Files = files[0].index, len(files)
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return x, err
		}
		n, err := copyLines(dir, f, filepath.Join(to, f.name))
		if err != nil {
			return x, err
		}
		x.Size = f.index + n
	}
	list, err := ParseCheckpoints(text)
	if err != nil {
		return x, fmt.Errorf("local checkpoints: %w", err)
	}
	var kept []byte
	for i := range list {
		if c := &list[i]; c.Size >= x.First && c.Size <= x.Size {
			kept = append(kept, c.line()...)
			x.Checkpoints++
		}
	}
	about, err := json.Marshal(extract{x.First, x.Size})
	if err != nil {
		return x, err
	}
	return x, errors.Join(
		os.WriteFile(filepath.Join(to, checkpointsName), kept, 0o600),
		os.WriteFile(filepath.Join(to, extractName), append(about, '\n'), 0o600))
}

// files are those that have records of the span.
func (s *Span) files(dir fs.FS, files []file) (kept []file, err error) {
	var begun []time.Time
	for _, f := range files {
		in, err := dir.Open(f.name)
		if err != nil {
			return nil, err
		}
		text, err := readLine(newReader(in), nil)
		_ = in.Close()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		l, _, err := parseOpening(text)
		if err != nil {
			return nil, fmt.Errorf("%s: its first line: %w", f.name, err)
		}
		begun = append(begun, l.Time)
	}
	for i, f := range files {
		over := i+1 < len(files) && (s.From >= files[i+1].index || !s.Since.IsZero() && begun[i+1].Before(s.Since))
		early := s.To > 0 && f.index >= s.To || !s.Until.IsZero() && !begun[i].Before(s.Until)
		if !over && !early {
			kept = append(kept, f)
		}
	}
	return kept, nil
}

// makeEmpty makes a directory that only its owner may enter, or takes an empty
// one.
func makeEmpty(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	list, err := os.ReadDir(path)
	if err == nil && len(list) > 0 {
		err = fmt.Errorf("%s is not empty: name a new directory", path)
	}
	return err
}

// copyLines copies a file up to its last whole line, and counts them.
func copyLines(dir fs.FS, from file, to string) (n int64, err error) {
	in, err := dir.Open(from.name)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	r := newReader(in)
	var line []byte
	for {
		line, err = readLine(r, line[:0])
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("%s: %w", from.name, err)
		}
		if _, err := out.Write(line); err != nil {
			return n, err
		}
		n++
	}
}
