package sdk

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ParseEvent reads one event in the CloudEvents JSON format, structured mode,
// by the one strict reading. It refuses with an error that wraps ErrMalformed:
// a member name repeated in any object at any depth, a top-level name that is
// neither data_base64 nor [a-z0-9]{1,20}, invalid UTF-8 or a lone surrogate, a
// byte order mark, depth over MaxDepth, bytes after the value, a number that
// languages read differently, a required attribute that is missing, and any
// attribute of the wrong type or length. ErrBadID is wrapped for an id that
// cannot be one. The event keeps raw; the caller no longer changes it.
func ParseEvent(raw []byte) (Event, error) {
	s := scanner{b: raw}
	if bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		return Event{}, malformed(0, "a byte order mark")
	}
	s.space()
	if s.peek() != '{' {
		return Event{}, malformed(s.i, "an event is a JSON object")
	}
	start := s.i
	members, err := s.object(1, make([]member, 0, 12))
	if err != nil {
		return Event{}, err
	}
	stop := s.i
	if err := s.end(); err != nil {
		return Event{}, err
	}
	e := Event{Raw: raw[start:stop:stop]}
	for i := range members {
		if err := e.set(raw, &members[i]); err != nil {
			return Event{}, err
		}
	}
	if err := e.complete(raw, members); err != nil {
		return Event{}, err
	}
	return e, nil
}

// ErrBatchSize is wrapped by SplitBatch for a batch of more events than allowed.
var ErrBatchSize = errors.New("too many events in a batch")

// SplitBatch cuts a batch (CloudEvents JSON batch format) into the texts of its
// events, which are left for ParseEvent to judge one by one. It errs when the
// whole is not one JSON array of 1 to most elements.
func SplitBatch(body []byte, most int) ([][]byte, error) {
	s := scanner{b: body, lax: true}
	s.space()
	if s.peek() != '[' {
		return nil, malformed(s.i, "a batch is a JSON array")
	}
	var events [][]byte
	err := s.array(1, func(element []byte) error {
		if len(events) == most {
			return fmt.Errorf("%w: at most %d", ErrBatchSize, most)
		}
		events = append(events, element)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, malformed(0, "a batch of no events")
	}
	return events, nil
}

// set reads one top-level member.
func (e *Event) set(raw []byte, m *member) error {
	text := raw[m.start:m.end]
	switch m.name {
	case "id":
		return e.setString(&e.ID, text, m, MaxID)
	case "source":
		return e.setString(&e.Source, text, m, MaxSource)
	case "specversion":
		return e.setString(&e.SpecVersion, text, m, MaxAttribute)
	case "type":
		return e.setString(&e.Type, text, m, MaxType)
	case "subject":
		return e.setString(&e.Subject, text, m, MaxAttribute)
	case "datacontenttype":
		return e.setString(&e.DataContentType, text, m, MaxAttribute)
	case "dataschema":
		return e.setString(&e.DataSchema, text, m, MaxAttribute)
	case "time":
		return e.setString(&e.Time, text, m, MaxAttribute)
	case "data", "data_base64":
		return nil // read last, once the content type is known
	}
	if !isAttributeName(m.name) {
		return malformed(m.start, "%q cannot be an attribute name: it is [a-z0-9]{1,20}", clip(m.name))
	}
	return e.setExtension(text, m)
}

// setString reads a core attribute. Null means absent (CloudEvents JSON
// format, section 2.3); an empty string is refused, so absent and empty never
// look alike.
func (e *Event) setString(to *string, text []byte, m *member, most int) error {
	if text[0] == 'n' {
		return nil
	}
	if text[0] != '"' {
		return malformed(m.start, "%s is not a string", m.name)
	}
	value, err := attributeValue(text, m, most)
	if err != nil {
		if m.name == "id" {
			return fmt.Errorf("%w: %w", ErrBadID, err)
		}
		return err
	}
	if value == "" {
		if m.name == "id" {
			return fmt.Errorf("%w: %w", ErrBadID, malformed(m.start, "id is empty"))
		}
		return malformed(m.start, "%s is present and empty", m.name)
	}
	*to = value
	return nil
}

func (e *Event) setExtension(text []byte, m *member) error {
	x := Extension{Name: m.name}
	switch c := text[0]; c {
	case 'n':
		return nil
	case '"':
		value, err := attributeValue(text, m, MaxAttribute)
		if err != nil {
			return err
		}
		x.Value = value
	case 't', 'f':
		x.Kind, x.Value = KindBoolean, string(text)
	case '{', '[':
		return malformed(m.start, "extension %s is neither string, integer nor boolean", m.name)
	default:
		n, err := strconv.ParseInt(string(text), 10, 32)
		if err != nil || strconv.FormatInt(n, 10) != string(text) {
			return malformed(m.start, "extension %s is not an integer of 32 bits (CloudEvents, section 3.1)", m.name)
		}
		x.Kind, x.Value = KindInteger, string(text)
	}
	e.Extensions = append(e.Extensions, x)
	return nil
}

// attributeValue unescapes a scanned string and refuses what CloudEvents does
// not allow in one (section 3.1): control characters and noncharacters.
func attributeValue(text []byte, m *member, most int) (string, error) {
	s := scanner{b: text}
	content, err := s.str()
	if err != nil {
		return "", err
	}
	if len(content) > most {
		return "", malformed(m.start, "%s is longer than %d bytes", m.name, most)
	}
	for i := 0; i < len(content); {
		r, size := rune(content[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(content[i:])
		}
		if r < 0x20 || 0x7f <= r && r < 0xa0 || 0xfdd0 <= r && r <= 0xfdef || r&0xfffe == 0xfffe {
			return "", malformed(m.start, "%s holds U+%04X, which no attribute may", m.name, r)
		}
		i += size
	}
	return string(content), nil
}

// complete checks the whole and reads the data.
func (e *Event) complete(raw []byte, members []member) error {
	switch {
	case e.ID == "":
		return malformed(0, "id is missing")
	case e.Source == "":
		return malformed(0, "source is missing")
	case e.Type == "":
		return malformed(0, "type is missing")
	case e.SpecVersion != "1.0":
		return malformed(0, "specversion is not \"1.0\"")
	}
	if e.Time != "" {
		if _, err := time.Parse(time.RFC3339Nano, e.Time); err != nil {
			return malformed(0, "time is not RFC 3339")
		}
	}
	if strings.ContainsAny(e.Source, " \"<>\\^`{|}") {
		return malformed(0, "source is not a URI-reference (RFC 3986)")
	}
	sort.Slice(e.Extensions, func(i, j int) bool { return e.Extensions[i].Name < e.Extensions[j].Name })
	seen := false
	for i := range members {
		m := &members[i]
		if m.name != "data" && m.name != "data_base64" {
			continue
		}
		if seen {
			return malformed(m.start, "data and data_base64 together")
		}
		seen = true
		if err := e.setData(raw[m.start:m.end], m); err != nil {
			return err
		}
	}
	return nil
}

func (e *Event) setData(text []byte, m *member) error {
	s := scanner{b: text}
	if m.name == "data_base64" {
		if text[0] != '"' {
			return malformed(m.start, "data_base64 is not a string")
		}
		content, err := s.str()
		if err != nil {
			return err
		}
		data := make([]byte, base64.StdEncoding.DecodedLen(len(content)))
		n, err := base64.StdEncoding.Strict().Decode(data, content)
		if err != nil || bytes.ContainsAny(content, "\r\n") {
			return malformed(m.start, "data_base64 is not base64 (RFC 4648, section 4)")
		}
		e.Data = data[:n]
		return nil
	}
	if text[0] == '"' && !IsJSONType(e.DataContentType) {
		content, err := s.str()
		if err != nil {
			return err
		}
		e.Data = content
		return nil
	}
	e.Data, e.DataIsJSON = text, true
	return nil
}

func isAttributeName(name string) bool {
	if len(name) == 0 || len(name) > 20 {
		return false
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; (c < 'a' || 'z' < c) && (c < '0' || '9' < c) {
			return false
		}
	}
	return true
}

// IsJSONType tells whether data of that content type is JSON; absent means
// application/json (CloudEvents JSON format, section 3.1).
func IsJSONType(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	_, subtype, _ := strings.Cut(media, "/")
	return subtype == "json" || strings.HasSuffix(subtype, "+json")
}
