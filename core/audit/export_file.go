package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
)

// newestWithin is how much of the end of an export's file is read for its newest
// note: a note takes some 250 bytes, and more with the signatures of witnesses.
const newestWithin = 64 << 10

// fileExport adds notes to the end of a file, which should be another machine's
// or cannot be written but at its end.
type fileExport struct{ path string }

func (e *fileExport) Name() string { return "file:" + e.path }

func (e *fileExport) Put(_ context.Context, c Checkpoint) error {
	text, err := e.tail()
	if err != nil {
		return err
	}
	add, newest := c.Note, newestNote(text)
	switch {
	case bytes.Equal(newest, add):
		return nil
	case len(text) > 0 && (newest == nil || !bytes.HasSuffix(text, newest)):
		// The last one is not whole. It stays: to add may be all one can do there.
		add = append([]byte("\n\n"), add...)
	}
	f, err := os.OpenFile(e.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(add)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Newest implements Remembering.
func (e *fileExport) Newest() ([]byte, error) {
	text, err := e.tail()
	return newestNote(text), err
}

func newestNote(text []byte) []byte {
	notes := SplitNotes(text)
	if len(notes) == 0 {
		return nil
	}
	return notes[len(notes)-1]
}

// tail is the end of the file, from the beginning of a note.
func (e *fileExport) tail() ([]byte, error) {
	f, err := os.Open(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	from := max(0, size-newestWithin)
	text, err := io.ReadAll(io.NewSectionReader(f, from, size-from))
	if err != nil || from == 0 {
		return text, err
	}
	_, text, _ = bytes.Cut(text, []byte("\n"+signatureMark)) // the next one begins behind these signatures
	_, text, _ = bytes.Cut(text, []byte("\n"))
	for bytes.HasPrefix(text, []byte(signatureMark)) {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text, nil
}
