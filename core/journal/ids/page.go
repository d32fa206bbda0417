package ids

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// A run is made of pages: a body and the CRC32C of it and of its place.
const (
	pageSize = 4096 // what a file system reads at least
	bodySize = pageSize - 4

	// chunkPages is how many pages are read or written at once when all of
	// them are: 128 KiB, so that a merge of many runs stays small.
	chunkPages = 32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pageSum covers the number of the run and that of the page too: a page that
// belongs elsewhere does not pass.
func pageSum(run, page uint64, body []byte) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:8], run)
	binary.LittleEndian.PutUint64(place[8:], page)
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, body)
}

func sealPage(run, number uint64, page []byte) {
	binary.LittleEndian.PutUint32(page[bodySize:], pageSum(run, number, page[:bodySize]))
}

// openPage returns the body of a page that is whole.
func openPage(run, number uint64, page []byte) ([]byte, error) {
	if binary.LittleEndian.Uint32(page[bodySize:]) != pageSum(run, number, page[:bodySize]) {
		return nil, pageError(run, number, ErrDamaged)
	}
	return page[:bodySize:bodySize], nil
}

func pageError(run, number uint64, err error) error {
	return fmt.Errorf("ids: %s, page %d: %w", runName(run), number, err)
}

// readPage reads one page and returns its body.
func readPage(file disk.File, run, number uint64) ([]byte, error) {
	page := make([]byte, pageSize)
	if err := readFull(file, page, int64(number)*pageSize); err != nil {
		return nil, pageError(run, number, err)
	}
	return openPage(run, number, page)
}

// readFull reads all of p. A file that ends before is damaged; with the last
// byte, io.ReaderAt may tell of the end.
func readFull(file disk.File, p []byte, off int64) error {
	n, err := file.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		return ErrDamaged
	}
	return err
}

// pageWriter writes the pages of a run, one after another.
type pageWriter struct {
	file  disk.File
	run   uint64
	next  uint64 // number of the first page in chunk
	chunk []byte
}

// newPageWriter writes the pages from first to before end.
func newPageWriter(file disk.File, run, first, end uint64) *pageWriter {
	return &pageWriter{file: file, run: run, next: first, chunk: make([]byte, 0, min(chunkPages, end-first)*pageSize)}
}

// body gives the next page's body, all zeros, to be filled before the next
// call of body or flush.
func (w *pageWriter) body() ([]byte, error) {
	if len(w.chunk) == cap(w.chunk) {
		if err := w.flush(); err != nil {
			return nil, err
		}
	}
	at := len(w.chunk)
	w.chunk = w.chunk[:at+pageSize]
	clear(w.chunk[at:])
	return w.chunk[at : at+bodySize : at+bodySize], nil
}

func (w *pageWriter) flush() error {
	start := int64(w.next) * pageSize
	for at := 0; at < len(w.chunk); at += pageSize {
		sealPage(w.run, w.next, w.chunk[at:at+pageSize])
		w.next++
	}
	_, err := w.file.WriteAt(w.chunk, start)
	w.chunk = w.chunk[:0]
	return err
}

// pageReader reads the pages of a run, one after another.
type pageReader struct {
	file      disk.File
	run       uint64
	next, end uint64
	buffer    []byte
	chunk     []byte // of buffer, what is not read yet
}

// newPageReader reads the pages from first to before end.
func newPageReader(file disk.File, run, first, end uint64) *pageReader {
	return &pageReader{file: file, run: run, next: first, end: end}
}

// body gives the next page's body until the next call, and io.EOF at the end.
// After any other error the page after the bad one is next.
func (r *pageReader) body() ([]byte, error) {
	if r.next == r.end {
		return nil, io.EOF
	}
	if len(r.chunk) == 0 {
		if r.buffer == nil {
			r.buffer = make([]byte, min(chunkPages, r.end-r.next)*pageSize)
		}
		r.chunk = r.buffer[:min(uint64(len(r.buffer)), (r.end-r.next)*pageSize)]
		if readFull(r.file, r.chunk, int64(r.next)*pageSize) != nil {
			r.chunk = nil // one page at a time tells which of them is bad
			r.next++
			return readPage(r.file, r.run, r.next-1)
		}
	}
	page := r.chunk[:pageSize]
	r.chunk = r.chunk[pageSize:]
	r.next++
	return openPage(r.run, r.next-1, page)
}
