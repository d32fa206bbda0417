package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// What is wrong with a record.
const (
	Altered    = "altered"     // it is not what was written there
	Missing    = "missing"     // it and what follows it up to another one are gone
	Inserted   = "inserted"    // a line stands before it that was not written there
	Swapped    = "swapped"     // another record stands in its place
	Truncated  = "truncated"   // it and all after it are gone
	RolledBack = "rolled back" // so are the local checkpoints of that time
	Rewritten  = "rewritten"   // it, or one after it up to a checkpoint, is not what was signed
)

// maxFindings is how many findings a report has at most.
const maxFindings = 100

// Finding is one bad record.
type Finding struct {
	Kind  string `json:"kind"`
	Index int64  `json:"index"` // of the record, or of the first one that is missing
	File  string `json:"file,omitempty"`
	Line  int    `json:"line,omitempty"` // in that file, from 1; where the record should be when it is not there
	Text  string `json:"text"`
}

func (f *Finding) String() string {
	where := ""
	if f.File != "" {
		where = fmt.Sprintf("%s:%d: ", f.File, f.Line)
	}
	return fmt.Sprintf("%srecord %d %s: %s", where, f.Index, f.Kind, f.Text)
}

// Anchor is where a checkpoint is from, and what it covers.
type Anchor struct {
	From string    `json:"from"`
	Size int64     `json:"size"`
	Time time.Time `json:"time,omitzero"` // of the newest record it covers
}

// Report is what Check found.
type Report struct {
	Files    int       `json:"files"`
	First    int64     `json:"first"` // index of the oldest record that is there
	Size     int64     `json:"size"`  // index after the newest one
	Origin   string    `json:"origin"`
	Key      string    `json:"key"`                // verifier key that was checked with
	KeyGiven bool      `json:"key_given"`          // it was given, not taken from the log itself
	Findings []Finding `json:"findings"`           // by index: the first one is the first bad record
	Faults   []string  `json:"faults"`             // what else is bad
	Notes    []string  `json:"notes"`              // what is not bad, and good to know
	Local    int       `json:"local"`              // local checkpoints that hold
	Exported *Anchor   `json:"exported,omitempty"` // newest exported checkpoint that holds
	Newer    int64     `json:"newer"`              // records that no exported checkpoint covers
}

// Good reports whether nothing is bad.
func (r *Report) Good() bool { return len(r.Findings) == 0 && len(r.Faults) == 0 }

// Exported is a checkpoint that was kept elsewhere.
type Exported struct {
	Checkpoint
	From string // file or URL
}

// CheckOptions say what a log is checked against.
type CheckOptions struct {
	Keys     []note.Verifier // empty: the key that the log itself names
	Exported []Exported
}

// Check reads a log whole, and holds it against its own checkpoints and those
// that were kept elsewhere. The error is about reading; what is bad is in the
// report. A router may be writing the log.
func Check(ctx context.Context, dir fs.FS, o CheckOptions) (*Report, error) {
	c := &check{ctx: ctx, dir: dir, r: &Report{Findings: []Finding{}, Faults: []string{}, Notes: []string{}}}
	names, err := fs.Glob(dir, "*")
	if err != nil {
		return nil, err
	}
	c.files = filesOf(names)
	if len(c.files) == 0 {
		return nil, fmt.Errorf("there is no audit log: %w", fs.ErrNotExist)
	}
	if err := c.collect(&o); err != nil {
		return nil, err
	}
	if err := c.run(); err != nil {
		return nil, err
	}
	return c.r, nil
}

// anchor is a checkpoint that is waited for.
type anchor struct {
	Checkpoint
	from     string
	exported bool
}

// check is one run of Check.
type check struct {
	ctx     context.Context
	dir     fs.FS
	files   []file
	extract bool
	keys    []note.Verifier
	r       *Report
	anchors []anchor // by size
	next    int      // of anchors

	in     *lines
	e      int64    // index of the record that comes next
	last   *item    // that was taken, nil after a gap
	torn   *item    // half a line at the very end
	trees  suspects // at least one
	known  bool     // trees have the records before e
	places []place  // of records whose links are broken
	// proven is how many records the newest checkpoint that held covers, and
	// provenOut the same of exported ones alone.
	proven, provenOut int64
	rewritten         bool
	kept, keptBy      int64 // a record says that files before kept were removed for their age
}

// collect reads the checkpoints, and leaves out those that nobody has signed.
func (c *check) collect(o *CheckOptions) error {
	keys := o.Keys
	if c.r.KeyGiven = len(keys) > 0; !c.r.KeyGiven {
		v, err := c.ownKey()
		if err != nil {
			c.r.Faults = append(c.r.Faults, "no file names the key that checkpoints are signed by: give it with its checkpoints: "+err.Error())
		} else {
			keys = []note.Verifier{v}
		}
	}
	c.keys = keys
	text, err := fs.ReadFile(c.dir, checkpointsName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		cp, err := parseKept(line)
		whole := line[len(line)-1] == '\n'
		if err == nil {
			err = cp.Verify(keys...)
		}
		switch {
		case !whole:
			c.r.Notes = append(c.r.Notes, "the last local checkpoint is not whole: a router writes it, or died while it did")
		case err != nil:
			c.r.Faults = append(c.r.Faults, fmt.Sprintf("%s:%d: %v", checkpointsName, n, err))
		default:
			c.anchors = append(c.anchors, anchor{cp, fmt.Sprintf("%s:%d", checkpointsName, n), false})
		}
	}
	usable, left := 0, make(map[string]int)
	for _, x := range o.Exported {
		if err := x.Verify(keys...); err != nil {
			if left[x.From]++; left[x.From] == 1 {
				c.r.Notes = append(c.r.Notes, fmt.Sprintf("%s: what is not signed by the log's key is left out, first of it: %v", x.From, err))
			}
			continue
		}
		usable++
		c.anchors = append(c.anchors, anchor{x.Checkpoint, x.From, true})
	}
	if usable == 0 && len(o.Exported) > 0 {
		c.r.Faults = append(c.r.Faults, "none of the given checkpoints is signed by the log's key: the log, or its key, is another one")
	}
	// Of one size the exported ones come first: what they say is held to.
	slices.SortStableFunc(c.anchors, func(a, b anchor) int {
		if a.Size == b.Size && a.exported != b.exported {
			if a.exported {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Size, b.Size)
	})
	if text, err := fs.ReadFile(c.dir, extractName); err == nil {
		var x extract
		if err := json.Unmarshal(text, &x); err == nil && x.First == c.files[0].index {
			c.extract = true
			c.r.Notes = append(c.r.Notes, fmt.Sprintf("this is an extract of a log, from record %d on", x.First))
		}
	}
	return nil
}

// ownKey is the key that the log names, in the newest file that can be read.
func (c *check) ownKey() (note.Verifier, error) {
	var failed error
	for _, f := range slices.Backward(c.files) {
		in, err := c.dir.Open(f.name)
		if err != nil {
			return nil, err
		}
		text, err := readLine(newReader(in), nil)
		_ = in.Close()
		if err == nil || errors.Is(err, io.EOF) {
			var l *Line
			if l, _, err = parseOpening(text); err == nil {
				v, verr := note.NewVerifier(l.opening.Key)
				if verr == nil {
					c.r.Origin, c.r.Key = l.opening.Origin, l.opening.Key
					return v, nil
				}
				err = verr
			}
		}
		failed = fmt.Errorf("%s: %w", f.name, err)
	}
	return nil, failed
}

// find takes note of a bad record.
func (c *check) find(f Finding) {
	c.r.Findings = append(c.r.Findings, f)
}

// finish says what the report comes to.
func (c *check) finish() {
	r := c.r
	r.Files, r.First, r.Size = len(c.files), c.files[0].index, c.e
	if r.First > 0 && !c.extract {
		if c.kept >= r.First {
			r.Notes = append(r.Notes, fmt.Sprintf("records before %d were removed for their age: record %d says so", r.First, c.keptBy))
		} else {
			c.find(Finding{Kind: Missing, Text: fmt.Sprintf("%s gone, and no record says that it was removed for its age", span(0, r.First))})
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(a.Index, b.Index) })
	if n := len(r.Findings); n > maxFindings {
		r.Findings = r.Findings[:maxFindings]
		r.Notes = append(r.Notes, fmt.Sprintf("%d more findings are left out", n-maxFindings))
	}
	r.Newer = r.Size
	if r.Exported != nil {
		r.Newer = r.Size - r.Exported.Size
	}
}
