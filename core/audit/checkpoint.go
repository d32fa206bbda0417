package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed statement about the first Size records.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	Note   []byte // what was signed, and the signatures: C2SP signed-note, tlog-checkpoint

	// What follows is not signed, and only of local checkpoints.
	Time time.Time // when it was made
	Last tlog.Hash // hash of the newest record it covers: tells whether that one was altered
}

// VerifierKey is the key in the form that checks notes (C2SP signed-note): what
// auditors need.
func VerifierKey(origin string, key ed25519.PublicKey) (string, error) {
	if origin == "" || strings.ContainsFunc(origin, func(r rune) bool { return r <= ' ' || r > '~' || r == '+' }) {
		return "", fmt.Errorf("audit origin %q: write a name without spaces and +, as in router.example/audit", origin)
	}
	return note.NewEd25519VerifierKey(origin, key)
}

// signer signs notes.
type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

func newSigner(origin string, key ed25519.PrivateKey) (*signer, string, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, "", errors.New("audit key is no Ed25519 key")
	}
	text, err := VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, "", err
	}
	v, err := note.NewVerifier(text)
	return &signer{v, key}, text, err
}

// Sign implements note.Signer.
func (s *signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key, text), nil }

// checkpoint signs a tree.
func (s *signer) checkpoint(tree *edge) (Checkpoint, error) {
	c := Checkpoint{Origin: s.Name(), Size: tree.size, Root: tree.root()}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)}, s)
	c.Note = signed
	return c, err
}

var errCheckpoint = errors.New("it is no checkpoint")

// ParseCheckpoint reads one note, and checks no signature.
func ParseCheckpoint(signed []byte) (c Checkpoint, err error) {
	body, _, ok := bytes.Cut(signed, []byte("\n\n"))
	lines := strings.Split(string(body), "\n")
	if !ok || len(lines) < 3 || lines[0] == "" {
		return c, errCheckpoint
	}
	c.Origin, c.Note = lines[0], signed
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, errCheckpoint
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil || c.Root.String() != lines[2] {
		return c, errCheckpoint
	}
	return c, nil
}

// Verify checks that one of the keys has signed the checkpoint, and that it is
// of that key's log.
func (c *Checkpoint) Verify(keys ...note.Verifier) error {
	n, err := note.Open(c.Note, note.VerifierList(keys...))
	if err != nil {
		return fmt.Errorf("checkpoint of %d records: %w", c.Size, err)
	}
	for _, s := range n.Sigs {
		if s.Name == c.Origin {
			return nil
		}
	}
	return fmt.Errorf("checkpoint of %d records: it is of %q, which has not signed it", c.Size, c.Origin)
}

// signatureMark begins each line of a note's signatures.
const signatureMark = "— "

// SplitNotes cuts a text of notes, one after the other, into its notes. What is
// no whole note, as when a disk was full, is left out.
func SplitNotes(text []byte) (notes [][]byte) {
	for {
		text = bytes.TrimLeft(text, "\n")
		if len(text) == 0 {
			return notes
		}
		body, after, ok := bytes.Cut(text, []byte("\n\n"))
		end := len(body) + 2
		for ok && bytes.HasPrefix(after, []byte(signatureMark)) {
			line, rest, whole := bytes.Cut(after, []byte("\n"))
			if !whole {
				break
			}
			end, after = end+len(line)+1, rest
		}
		if ok && end > len(body)+2 {
			notes = append(notes, text[:end:end])
		}
		text = after
	}
}

// keptCheckpoint is a local checkpoint's line.
type keptCheckpoint struct {
	Time time.Time `json:"ts"`
	Size int64     `json:"size"`
	Last tlog.Hash `json:"last"`
	Note string    `json:"note"`
}

// line is the checkpoint as the file of local ones has it.
func (c *Checkpoint) line() []byte {
	text, err := json.Marshal(keptCheckpoint{c.Time, c.Size, c.Last, string(c.Note)})
	if err != nil { // times of this era and strings marshal
		panic(err)
	}
	return append(text, '\n')
}

func parseKept(line []byte) (c Checkpoint, err error) {
	var k keptCheckpoint
	if err := json.Unmarshal(line, &k); err != nil {
		return c, errCheckpoint
	}
	if c, err = ParseCheckpoint([]byte(k.Note)); err != nil {
		return c, err
	}
	c.Time, c.Last = k.Time, k.Last
	return c, nil
}

// ParseCheckpoints reads what exports and the log itself keep: notes, one after
// the other, or JSON lines. It checks no signature. A last one that is not whole
// is left out.
func ParseCheckpoints(text []byte) (list []Checkpoint, err error) {
	if !bytes.HasPrefix(text, []byte("{")) {
		for _, n := range SplitNotes(text) {
			c, err := ParseCheckpoint(n)
			if err != nil {
				return nil, fmt.Errorf("checkpoint %d: %w", len(list)+1, err)
			}
			list = append(list, c)
		}
		return list, nil
	}
	for line := range bytes.Lines(text) {
		if line[len(line)-1] != '\n' {
			break
		}
		c, err := parseKept(line)
		if err != nil {
			return nil, fmt.Errorf("checkpoint %d: %w", len(list)+1, err)
		}
		list = append(list, c)
	}
	return list, nil
}

// LocalCheckpoints reads those that a log keeps beside its files. It checks no
// signature.
func LocalCheckpoints(dir fs.FS) ([]Checkpoint, error) {
	text, err := fs.ReadFile(dir, checkpointsName)
	if err != nil {
		return nil, err
	}
	return ParseCheckpoints(text)
}
