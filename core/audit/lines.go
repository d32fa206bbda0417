package audit

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
)

func newReader(in io.Reader) *bufio.Reader { return bufio.NewReaderSize(in, 256<<10) }

// item is one line of a log's files, whatever it is.
type item struct {
	head
	hash  [32]byte
	ok    bool // head is that of a line
	whole bool // it has its newline
	first bool // of its file
	file  file
	line  int // from 1
	text  []byte
}

// lines gives the lines of files, one after the other, and looks two ahead.
type lines struct {
	dir   fs.FS
	files []file
	open  fs.File
	in    *bufio.Reader
	at    file
	line  int
	ahead []item
	end   bool
}

// next gives the next line, nil after the last one.
func (l *lines) next() (*item, error) {
	if err := l.fill(1); err != nil || len(l.ahead) == 0 {
		return nil, err
	}
	it := l.ahead[0]
	l.ahead = l.ahead[1:]
	return &it, nil
}

// peek gives the i-th line after the one that next gives next, nil for none.
func (l *lines) peek(i int) (*item, error) {
	if err := l.fill(i + 1); err != nil || len(l.ahead) <= i {
		return nil, err
	}
	return &l.ahead[i], nil
}

func (l *lines) fill(n int) error {
	for len(l.ahead) < n && !l.end {
		it, err := l.read()
		if err != nil {
			return err
		}
		if it != nil {
			l.ahead = append(l.ahead, *it)
		}
	}
	return nil
}

// read gives the next line, nil between two files.
func (l *lines) read() (*item, error) {
	if l.open == nil {
		if len(l.files) == 0 {
			l.end = true
			return nil, nil
		}
		f, err := l.dir.Open(l.files[0].name)
		if err != nil {
			return nil, err
		}
		l.open, l.in, l.at, l.line = f, newReader(f), l.files[0], 0
		l.files = l.files[1:]
	}
	text, err := readLine(l.in, []byte{0})
	switch {
	case err == nil || errors.Is(err, errLine):
	case !errors.Is(err, io.EOF):
		return nil, err
	case len(text) == 1:
		return nil, l.close()
	}
	l.line++
	it := &item{file: l.at, line: l.line, first: l.line == 1, whole: err == nil}
	room := bytes.TrimSuffix(text, []byte("\n"))
	it.text, it.hash = room[1:], leafOf(room)
	if it.whole {
		it.head, err = parseHead(it.text)
		it.ok = err == nil
	}
	return it, nil
}

func (l *lines) close() error {
	if l.open == nil {
		return nil
	}
	f := l.open
	l.open = nil
	return f.Close()
}
