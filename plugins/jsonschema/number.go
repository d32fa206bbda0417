package jsonschema

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Bounds of a number. Schemas compare exactly, which costs memory and time that
// grow with the exponent. These hold whatever a double can (RFC 8259, section 6).
const (
	maxNumber   = 1024 // characters
	maxExponent = 400  // either way
)

var errNumber = errors.New("a number is beyond what a double can hold")

// checkNumbers refuses a value with a number that is dear to compare.
func checkNumbers(value any) error {
	switch v := value.(type) {
	case json.Number:
		return checkNumber(string(v))
	case []any:
		for _, element := range v {
			if err := checkNumbers(element); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, member := range v {
			if err := checkNumbers(member); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkNumber(text string) error {
	if len(text) > maxNumber {
		return errNumber
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if n, err := strconv.Atoi(text[i+1:]); err != nil || n < -maxExponent || n > maxExponent {
			return errNumber
		}
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return errNumber
	}
	return nil
}
