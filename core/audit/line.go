package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/headgate-io/headgate/sdk"
)

// MaxLine is what a line takes at most, in bytes: above what any record comes
// to, with every text at its bound and all of it escaped.
const MaxLine = 1 << 20

var errLine = errors.New("it is not a line of the log")

// head is what every line begins with.
type head struct {
	n    int64
	prev tlog.Hash
}

// parseHead reads the beginning of a line without its newline, in the one form
// that it has, and checks that the whole is JSON.
func parseHead(line []byte) (h head, err error) {
	rest, ok := bytes.CutPrefix(line, []byte(prefix))
	digits := bytes.IndexByte(rest, ',')
	if !ok || digits < 1 || len(rest) < digits+len(link)+hashText+1 {
		return h, errLine
	}
	if h.n, err = strconv.ParseInt(string(rest[:digits]), 10, 64); err != nil || h.n < 0 || strconv.FormatInt(h.n, 10) != string(rest[:digits]) {
		return h, errLine
	}
	if rest, ok = bytes.CutPrefix(rest[digits:], []byte(link)); !ok || rest[hashText] != '"' {
		return h, errLine
	}
	var hash [hashText]byte
	if n, err := base64.StdEncoding.Strict().Decode(hash[:], rest[:hashText]); err != nil || n != len(h.prev) {
		return h, errLine
	}
	copy(h.prev[:], hash[:])
	if !json.Valid(line) {
		return h, errLine
	}
	return h, nil
}

// Line is one record as it was written.
type Line struct {
	N        int64             `json:"n"`
	Time     time.Time         `json:"ts"`
	Boot     string            `json:"boot"`
	Action   string            `json:"action"`
	Outcome  string            `json:"outcome"`
	Reason   string            `json:"reason"`
	Request  string            `json:"request"`
	Source   Source            `json:"src"`
	Told                       // by a sender who was proven
	Unproven Told              `json:"unverified"`
	Seq      uint64            `json:"seq"`
	Pos      [2]uint64         `json:"pos"`
	Channel  string            `json:"channel"`
	Attempt  int               `json:"attempt"`
	Failures int               `json:"failures"`
	Routes   []string          `json:"routes"`
	Actor    string            `json:"actor"`
	Why      string            `json:"why"`
	From     string            `json:"from"`
	To       string            `json:"to"`
	Since    time.Time         `json:"since"`
	Count    uint64            `json:"count"`
	Bytes    uint64            `json:"bytes"`
	Detail   map[string]string `json:"detail"`
	Raw      []byte            `json:"-"` // without its newline
	opening  *opening          // of an audit.open record
}

// Source is where something came in.
type Source struct {
	Ingress string `json:"ingress"`
	Addr    string `json:"addr"`
}

// Told is what a sender is and sent.
type Told struct {
	Principal sdk.Principal `json:"principal"`
	Key       string        `json:"key"`
	Event     struct {
		ID     string `json:"id"`
		Source string `json:"source"`
		Type   string `json:"type"`
		Digest string `json:"digest"` // SHA-256 in hex
		Bytes  int    `json:"bytes"`
	} `json:"event"`
}

// ParseLine reads a line, with or without its newline. The Line keeps text.
func ParseLine(text []byte) (*Line, error) {
	text = bytes.TrimSuffix(text, []byte("\n"))
	h, err := parseHead(text)
	if err != nil {
		return nil, err
	}
	parsed := struct {
		*Line
		Open *opening `json:"open"`
	}{Line: &Line{Raw: text}}
	if err := json.Unmarshal(text, &parsed); err != nil {
		return nil, fmt.Errorf("%w: %w", errLine, err)
	}
	parsed.N, parsed.opening = h.n, parsed.Open // of a name that is there twice the hash covers both
	return parsed.Line, nil
}

// parseOpening reads the first line of a file.
func parseOpening(text []byte) (*Line, *edge, error) {
	l, err := ParseLine(text)
	if err != nil {
		return nil, nil, err
	}
	if l.Action != ActionOpen || l.opening == nil {
		return nil, nil, fmt.Errorf("it is no %s record", ActionOpen)
	}
	e, err := l.opening.edge(l.N)
	return l, e, err
}
