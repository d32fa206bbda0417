package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// proofHeader is the first line of a proof (C2SP tlog-proof).
const proofHeader = "c2sp.org/tlog-proof@v1"

// Proof shows that a record is in the log that a checkpoint covers, to who has
// neither. As text it is a C2SP tlog-proof whose extra data is the record.
type Proof struct {
	Record     []byte // the line, without its newline
	Index      int64
	Hashes     tlog.RecordProof
	Checkpoint Checkpoint
}

// Prove makes the proof of a record that is kept, against a checkpoint of the log.
func Prove(ctx context.Context, dir fs.FS, index int64, c Checkpoint) (*Proof, error) {
	if index < 0 || index >= c.Size {
		return nil, fmt.Errorf("record %d is not among the %d that the checkpoint covers", index, c.Size)
	}
	names, err := fs.Glob(dir, "audit-*")
	if err != nil {
		return nil, err
	}
	files := filesOf(names)
	for len(files) > 1 && files[1].index <= index {
		files = files[1:]
	}
	if len(files) == 0 || files[0].index > index {
		return nil, fmt.Errorf("record %d is not kept any more", index)
	}
	in := &lines{dir: dir, files: files}
	defer func() { _ = in.close() }()
	first, err := in.peek(0)
	if err != nil {
		return nil, err
	}
	if first == nil {
		return nil, fmt.Errorf("%s is empty", files[0].name)
	}
	_, tree, err := parseOpening(first.text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files[0].name, err)
	}
	p := &Proof{Index: index, Checkpoint: c}
	walk := func(leaf func(tlog.Hash)) error {
		for n := files[0].index; n < c.Size; n++ {
			if n%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			it, err := in.next()
			if err != nil {
				return err
			}
			if it == nil || !it.ok || it.n != n {
				return fmt.Errorf("record %d cannot be read: headgate audit verify tells more", n)
			}
			if n == index {
				p.Record = it.text
			}
			leaf(it.hash)
		}
		return nil
	}
	reader := tree.reader(c.Size, walk)
	if c.Size == 1 { // its proof has no hashes, and none are asked for
		if _, err := reader.ReadHashes(nil); err != nil {
			return nil, err
		}
	}
	if p.Hashes, err = tlog.ProveRecord(c.Size, index, reader); err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("the log is not the one that the checkpoint covers: headgate audit verify tells more: %w", err)
	}
	return p, nil
}

// Check checks that the record is in the tree of the checkpoint, whoever signed
// that.
func (p *Proof) Check() error {
	if h, err := parseHead(p.Record); err != nil || h.n != p.Index {
		return fmt.Errorf("what is proven is not record %d", p.Index)
	}
	return tlog.CheckRecord(p.Hashes, p.Checkpoint.Size, p.Checkpoint.Root, p.Index, tlog.RecordHash(p.Record))
}

// Verify checks that the record is in the log of which one of the keys has signed
// the checkpoint.
func (p *Proof) Verify(keys ...note.Verifier) error {
	if err := p.Checkpoint.Verify(keys...); err != nil {
		return err
	}
	return p.Check()
}

// Format gives the proof as text.
func (p *Proof) Format() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(p.Record), p.Index)
	for _, h := range p.Hashes {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint.Note)
	return b.Bytes()
}

var errProof = errors.New("it is no proof (C2SP tlog-proof with the record as extra data)")

// ParseProof reads what Format gives. It checks nothing but the form.
func ParseProof(text []byte) (*Proof, error) {
	body, signed, ok := strings.Cut(string(text), "\n\n")
	rest := strings.Split(body, "\n")
	if !ok || len(rest) < 3 || rest[0] != proofHeader {
		return nil, errProof
	}
	extra, ok := strings.CutPrefix(rest[1], "extra ")
	index, ok2 := strings.CutPrefix(rest[2], "index ")
	if !ok || !ok2 {
		return nil, errProof
	}
	p := new(Proof)
	var err error
	if p.Record, err = base64.StdEncoding.Strict().DecodeString(extra); err != nil {
		return nil, errProof
	}
	if p.Index, err = strconv.ParseInt(index, 10, 64); err != nil || p.Index < 0 || strconv.FormatInt(p.Index, 10) != index {
		return nil, errProof
	}
	for _, line := range rest[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil || h.String() != line {
			return nil, errProof
		}
		p.Hashes = append(p.Hashes, h)
	}
	if p.Checkpoint, err = ParseCheckpoint([]byte(signed)); err != nil {
		return nil, err
	}
	return p, nil
}
