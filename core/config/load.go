package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	tomlparser "github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/pelletier/go-toml/v2"
)

// maxFile bounds one file of configuration: 10,000 routes have about 4 MiB.
const maxFile = 16 << 20

// Options are what a configuration has besides its files.
type Options struct {
	// Env has NAME=value pairs, nil for those of this process. Variables
	// HEADGATE_SECTION__KEY set scalars of [data], [admin], [log] and
	// [limits]; env:NAME references look their secrets up here.
	Env []string
	// Set has the values of flags by dotted key, as in log.level. The same
	// keys may be set as by variables.
	Set map[string]string
	// NewKeyDirs takes a key directory that is not there for an empty one: for
	// who is about to make its first key.
	NewKeyDirs bool
	// Plugins has the names of the plugins that are shipped. Nil leaves it open
	// which there are.
	Plugins []string
	// Unchecked decodes and no more: for who needs [data] dir alone, which has
	// to be found while a key's file or a rule is broken.
	Unchecked bool
}

// Load reads the files in order, later ones over earlier ones, then variables,
// then flags, and everything the result refers to: keys, secrets, schemas,
// certificates. Relative paths start from the directory of the first file.
// The error is [Problems]: all that is wrong.
func Load(paths []string, opts Options) (*Config, error) {
	l := newLoader(".", opts)
	if len(paths) > 0 {
		l.dir = filepath.Dir(paths[0])
	}
	for _, path := range paths {
		text, err := readFile(path, maxFile)
		if err != nil {
			l.problems = append(l.problems, Problem{File: path, Text: err.Error(), Hint: "headgate init writes one; -c names another"})
			continue
		}
		l.file(text, path)
	}
	return l.finish()
}

// Parse is [Load] of one text. Name stands for the file's in problems, and
// relative paths start from dir.
func Parse(text []byte, name, dir string, opts Options) (*Config, error) {
	l := newLoader(dir, opts)
	l.file(text, name)
	return l.finish()
}

// loader carries one configuration from texts to a checked Config.
type loader struct {
	report
	opts   Options
	dir    string
	k      *koanf.Koanf
	memory *keyMemory
}

func newLoader(dir string, opts Options) *loader {
	if opts.Env == nil {
		opts.Env = os.Environ()
	}
	return &loader{report: report{spots: &spot{}}, opts: opts, dir: dir, k: koanf.New("."), memory: new(keyMemory)}
}

// file merges one TOML text over what there is.
func (l *loader) file(text []byte, name string) {
	places, problem := parse(l.k, text, name, l.spots)
	if problem != nil {
		l.problems = append(l.problems, *problem)
		return
	}
	if l.spots.File == "" {
		l.spots.Position = places.Position
	}
}

// parse merges a TOML text into k, and its places into at.
func parse(k *koanf.Koanf, text []byte, name string, at *spot) (*spot, *Problem) {
	places, problem := locate(text, name)
	if problem != nil {
		return nil, problem
	}
	over := koanf.WithMergeFunc(func(src, dst map[string]any) error {
		merge(dst, src, at, places)
		return nil
	})
	if err := k.Load(content(text), tomlparser.Parser(), over); err != nil {
		problem := Problem{File: name, Text: strings.TrimPrefix(err.Error(), "toml: ")}
		if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
			problem.Line, problem.Column = wrong.Position()
		}
		return nil, &problem
	}
	return places, nil
}

// finish lays variables and flags over the files, then decodes and checks.
// Texts that are no TOML are all there is to say about them.
func (l *loader) finish() (*Config, error) {
	if len(l.problems) > 0 {
		return nil, l.err()
	}
	values, places := l.overrides()
	over := koanf.WithMergeFunc(func(src, dst map[string]any) error {
		merge(dst, src, l.spots, places)
		return nil
	})
	if err := l.k.Load(confmap.Provider(values, ""), nil, over); err != nil {
		return nil, Problems{{Text: err.Error()}}
	}

	c, env := Default(), l.opts.Env
	c.Dir, c.spots, c.env = l.dir, l.spots, func() []string { return env }
	l.decode(&c, l.k.Raw())
	for i := range c.Transforms {
		c.Transforms[i].of, c.Transforms[i].key = &c, item("transforms", i)
	}
	for i := range c.Auth {
		c.Auth[i].of, c.Auth[i].key = &c, item("auth", i)
	}
	if l.opts.Unchecked {
		return &c, nil
	}
	l.loadKeys(&c)
	l.loadCurves(&c)
	check(&c, &l.report, l.opts.Plugins)
	if err := l.err(); err != nil {
		return nil, err
	}
	return &c, nil
}

// content is the koanf.Provider of bytes that are there already.
type content []byte

func (c content) ReadBytes() ([]byte, error) { return c, nil }
func (c content) Read() (map[string]any, error) {
	return nil, errors.New("config: bytes need a parser")
}

// readFile reads a file of at most limit bytes. The error does not repeat the path.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cannotRead(err)
	}
	defer f.Close()
	return readLimited(f, limit)
}

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, cannotRead(err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("file is larger than %s", Size(limit))
	}
	return text, nil
}

// cannotRead takes the path out of a file's error: it stands beside it already.
func cannotRead(err error) error {
	if wrong, ok := errors.AsType[*fs.PathError](err); ok {
		err = wrong.Err
	}
	return fmt.Errorf("file cannot be read: %w", err)
}

// Path gives a path of the configuration from the process's point of view:
// a relative one starts from [Config.Dir].
func (c *Config) Path(path string) string { return within(c.Dir, path) }
