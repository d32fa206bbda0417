package ingress

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/sdk"
)

// attributePrefix is that of the headers of binary mode, as net/http writes it.
const attributePrefix = "Ce-"

// isBinary tells an event in binary mode by its headers.
func isBinary(h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, attributePrefix) {
			return true
		}
	}
	return false
}

// structure gives an event in binary mode (CloudEvents HTTP binding 1.0.2,
// section 3.1) the structured form, in which it is read, kept and delivered:
// data of a JSON content type as the value, without the white space around it,
// other data as data_base64.
//
// The error is a [*intake.Problem].
func structure(h http.Header, body []byte) ([]byte, error) {
	event, err := structured(h, body)
	if err != nil {
		return nil, &intake.Problem{Code: intake.Malformed, Detail: "The event cannot be read: " + err.Error() + ".", Reason: "binary_mode"}
	}
	return event, nil
}

// jsonSpace is the white space of JSON (RFC 8259, section 2), and no other.
const jsonSpace = " \t\r\n"

func structured(h http.Header, body []byte) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range slices.Sorted(maps.Keys(h)) {
		attribute, found := strings.CutPrefix(name, attributePrefix)
		if !found {
			continue
		}
		attribute = strings.ToLower(attribute)
		switch {
		case len(h[name]) > 1:
			return nil, fmt.Errorf("ce-%s occurs twice", attribute)
		case attribute == "datacontenttype":
			return nil, errors.New("ce-datacontenttype is Content-Type in binary mode")
		case attribute == "data" || attribute == "data_base64":
			return nil, fmt.Errorf("ce-%s is no attribute", attribute)
		}
		value, err := attributeValue(h[name][0])
		if err != nil {
			return nil, fmt.Errorf("ce-%s: %w", attribute, err)
		}
		writeMember(&b, attribute, value)
	}
	contentType := h.Get("Content-Type")
	if contentType != "" {
		writeMember(&b, "datacontenttype", contentType)
	}
	switch data := bytes.Trim(body, jsonSpace); {
	case len(body) == 0:
	case sdk.IsJSONType(contentType):
		if !json.Valid(data) {
			return nil, errors.New("the content type is JSON, and the body is not")
		}
		b.WriteString(`"data":`)
		b.Write(data)
		b.WriteByte(',')
	default:
		writeMember(&b, "data_base64", base64.StdEncoding.EncodeToString(body))
	}
	return append(bytes.TrimSuffix(b.Bytes(), []byte{','}), '}'), nil
}

func writeMember(b *bytes.Buffer, name, value string) {
	for i, text := range []string{name, value} {
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		_ = e.Encode(text) // a string always can be
		b.Truncate(b.Len() - 1)
		b.WriteByte(":,"[i])
	}
}

// attributeValue reads the value of a header: quotes taken away, then one round
// of percent-decoding (section 3.1.3.2).
func attributeValue(text string) (string, error) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			return "", errors.New("it has a character that is to be percent-encoded")
		}
	}
	text, err := unquote(text)
	if err == nil {
		text, err = url.PathUnescape(text)
	}
	switch {
	case err != nil:
		return "", errors.New("its encoding is broken")
	case !utf8.ValidString(text):
		return "", errors.New("it is not UTF-8")
	}
	return text, nil
}

var errQuotes = errors.New("its quotes are broken")

// unquote takes away the quotes of quoted strings, and the backslashes in them
// (RFC 9110, section 5.6.4).
func unquote(text string) (string, error) {
	if strings.IndexByte(text, '"') < 0 {
		return text, nil
	}
	var out []byte
	inside := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			inside = !inside
		case c == '\\' && inside:
			if i++; i == len(text) {
				return "", errQuotes
			}
			out = append(out, text[i])
		default:
			out = append(out, c)
		}
	}
	if inside {
		return "", errQuotes
	}
	return string(out), nil
}
