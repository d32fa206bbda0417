package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of a number in data. JSON allows any, and RFC 8259, section 6, tells
// what readers agree on: what a double can hold. Comparing others exactly, as
// schemas do, would cost memory and time that grow with the exponent.
const (
	maxNumber         = 1024 // characters
	maxExponentDigits = 3
)

var (
	errNumber   = errors.New("data holds a number that no double can hold")
	errTrailing = errors.New("data goes on after its JSON value")
)

// parseData reads JSON as nil, bool, string, json.Number, []any and
// map[string]any, so that integers beyond a double's stay exact for schemas.
func parseData(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("data is no JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errTrailing
	}
	return value, checkNumbers(value)
}

func checkNumbers(value any) error {
	switch v := value.(type) {
	case json.Number:
		return checkNumber(v)
	case []any:
		for _, item := range v {
			if err := checkNumbers(item); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, item := range v {
			if err := checkNumbers(item); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkNumber(n json.Number) error {
	text := string(n)
	if len(text) > maxNumber {
		return errNumber
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 && len(strings.TrimLeft(text[i+1:], "+-0")) > maxExponentDigits {
		return errNumber
	}
	if _, err := n.Float64(); err != nil {
		return errNumber
	}
	return nil
}
