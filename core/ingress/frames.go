package ingress

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/headgate-io/headgate/core/intake"
)

// maxRequestID bounds the request id of a ZeroMQ producer in bytes.
const maxRequestID = 64

// asked is a request as it came over ZeroMQ: [request id][headers][body], after
// an empty frame where a REQ socket sent it.
type asked struct {
	envelope      [][]byte // what stands before the answer: the frames before headers
	headers, body []byte
}

// size is what it takes of memory, in bytes.
func (r *asked) size() int64 { return int64(len(r.headers) + len(r.body)) }

// readFrames tells envelope, headers and body apart. Of frames that are no
// request, ok is false, and the envelope is the first frame if that can be a
// request id or the empty frame of a REQ: both are answered with it. Else the
// envelope is empty, and nobody knows what to answer to.
func readFrames(frames [][]byte) (r asked, ok bool) {
	n := len(frames)
	if n == 0 || len(frames[0]) > maxRequestID {
		return asked{}, false
	}
	// A request id may be empty, too: of three frames the first always is it.
	if n == 3 || n == 4 && len(frames[0]) == 0 && len(frames[1]) <= maxRequestID {
		return asked{envelope: frames[: n-2 : n-2], headers: frames[n-2], body: frames[n-1]}, true
	}
	return asked{envelope: frames[:1:1]}, false
}

// readHeaders reads one JSON object of strings, by one reading in every
// language: each name once, in lower case, and of the form that HTTP has for
// names (RFC 9110, section 5.1). What it gives has the names as net/http does.
func readHeaders(text []byte) (http.Header, *intake.Problem) {
	h := make(http.Header)
	if err := eachHeader(text, func(name, value string) error {
		name = http.CanonicalHeaderKey(name)
		if h[name] != nil {
			return fmt.Errorf("%q occurs twice", strings.ToLower(name))
		}
		h[name] = []string{value}
		return nil
	}); err != nil {
		return nil, &intake.Problem{Code: intake.Malformed, Detail: "The headers cannot be read: " + err.Error() + "."}
	}
	return h, nil
}

var errNoHeaders = errors.New("they are not one JSON object of strings")

func eachHeader(text []byte, each func(name, value string) error) error {
	if !json.Valid(text) { // Decoder.Token does not look behind the object
		return errNoHeaders
	}
	if !utf8.Valid(text) { // encoding/json replaces what is not
		return errors.New("they are not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return errNoHeaders
	}
	for d.More() {
		key, err := d.Token()
		name, _ := key.(string)
		if err != nil || !isHeaderName(name) {
			return errors.New("a name is not one in lower case")
		}
		token, err := d.Token()
		value, isText := token.(string)
		if err != nil || !isText || strings.ContainsRune(value, utf8.RuneError) { // of half a surrogate pair, too
			return fmt.Errorf("%q is not a string", name)
		}
		if err := each(name, value); err != nil {
			return err
		}
	}
	return nil
}

// isHeaderName takes a token without capital letters (RFC 9110, section 5.6.2).
func isHeaderName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}
