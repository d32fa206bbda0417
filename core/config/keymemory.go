package config

import (
	"io/fs"
	"os"
	"time"
)

// KeyReader reads the keys of a configuration again and again, for a router that
// runs while they are changed. A file that was good and looks as it did is not
// parsed again. It is not safe for concurrent use.
type KeyReader struct {
	c      *Config
	memory keyMemory
}

// KeyReader makes one that has read nothing yet.
func (c *Config) KeyReader() *KeyReader { return &KeyReader{c: c} }

// Read is [Config.ReadKeys].
func (r *KeyReader) Read() (*Config, error) {
	defer r.memory.turn()
	return r.c.readKeys(&r.memory)
}

// keyMemory is what the last reading of keys has learned, and this one so far. The
// zero value is that of a first reading.
type keyMemory struct {
	files   memory[keyFile]
	secrets memory[string] // of files that were found private
	publics memory[string]
}

// turn ends a reading: what it did not ask for is forgotten.
func (m *keyMemory) turn() {
	m.files.turn()
	m.secrets.turn()
	m.publics.turn()
}

// memory has what files held, by path.
type memory[T any] struct {
	last, now map[string]memo[T]
	reads     int // of files that it could not recall, ever
}

type memo[T any] struct {
	look  fs.FileInfo
	value T
}

// recall gives what is known of a file that looks as it did, or else reads it.
func (m *memory[T]) recall(path string, read func() (T, error)) (T, error) {
	began := time.Now()
	look, unseen := os.Stat(path) // before the reading, so that no change is missed
	if was, known := m.last[path]; known && unseen == nil && SameLook(was.look, look) {
		m.keep(path, was)
		return was.value, nil
	}
	m.reads++
	value, err := read()
	if err == nil && unseen == nil && Rests(look, began) {
		m.keep(path, memo[T]{look, value})
	}
	return value, err
}

func (m *memory[T]) keep(path string, of memo[T]) {
	if m.now == nil {
		m.now = make(map[string]memo[T])
	}
	m.now[path] = of
}

func (m *memory[T]) turn() { m.last, m.now = m.now, nil }
