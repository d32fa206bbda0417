package jq

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// maxOwn is how much of a filter's own error text is told, in bytes: a reason is
// a line.
const maxOwn = 256

var (
	errHalt  = errors.New("filter called halt: to drop an event, give empty")
	errOwn   = errors.New("filter ended with error(...) of a value that is no text")
	errPlain = errors.New("filter failed")
)

// valueless is the part of a gojq error that stands before any value: words of
// the library, and the kind of the value that follows.
var valueless = regexp.MustCompile(`^@?[a-z_]\w*(?: [a-z_]+)*(?:: (?:boolean|number|string|array|object)\b)?`)

// fault tells why a filter failed, without the values that gojq shows.
func fault(err error) error {
	if _, ok := errors.AsType[*gojq.HaltError](err); ok {
		return errHalt
	}
	if own, ok := errors.AsType[gojq.ValueError](err); ok { // Error would write the whole value
		text, ok := own.Value().(string)
		if !ok {
			return errOwn
		}
		return fmt.Errorf("filter: %s", clip(text))
	}
	if text := strings.TrimSuffix(valueless.FindString(err.Error()), " to"); text != "" {
		return fmt.Errorf("%w: %s", errPlain, text)
	}
	return errPlain
}

// clip shortens a text to maxOwn bytes of whole characters.
func clip(text string) string {
	if len(text) <= maxOwn {
		return text
	}
	end := maxOwn
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}
