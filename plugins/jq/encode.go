package jq

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/itchyny/gojq"

	"github.com/headgate-io/headgate/sdk"
)

// maxDepth is how deep a result may be nested: the event stands around it.
const maxDepth = sdk.MaxDepth - 1

var errDeep = errors.New("filter gave a value nested deeper than an event may be")

// encode writes a filter's result as JSON of at most limit bytes. gojq's own
// encoder has no bound, and a small value can hold itself often enough to fill
// any memory.
func encode(result any, limit int) ([]byte, error) {
	e := encoder{limit: limit}
	if err := e.value(result, 1); err != nil {
		return nil, err
	}
	return e.b, nil
}

type encoder struct {
	b     []byte
	limit int
}

func (e *encoder) value(v any, depth int) error {
	switch v := v.(type) {
	case []any:
		return e.array(v, depth)
	case map[string]any:
		return e.object(v, depth)
	}
	return e.scalar(v)
}

func (e *encoder) array(elements []any, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	separator := "["
	for _, v := range elements {
		if err := e.write(separator); err != nil {
			return err
		}
		if err := e.value(v, depth+1); err != nil {
			return err
		}
		separator = ","
	}
	if len(elements) == 0 {
		return e.write("[]")
	}
	return e.write("]")
}

func (e *encoder) object(members map[string]any, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	if len(members) > e.limit-len(e.b) {
		return e.tooLong()
	}
	separator := "{"
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := e.write(separator); err != nil {
			return err
		}
		if err := e.scalar(name); err != nil {
			return err
		}
		if err := e.write(":"); err != nil {
			return err
		}
		if err := e.value(members[name], depth+1); err != nil {
			return err
		}
		separator = ","
	}
	if len(members) == 0 {
		return e.write("{}")
	}
	return e.write("}")
}

// scalar has gojq write a value, unless that is sure to be too long.
func (e *encoder) scalar(v any) error {
	room := e.limit - len(e.b)
	switch v := v.(type) {
	case string:
		if len(v) > room {
			return e.tooLong()
		}
	case *big.Int:
		if v.BitLen()/4 > room { // four bits make more than one decimal digit
			return e.tooLong()
		}
	}
	text, err := gojq.Marshal(v)
	if err != nil {
		return fmt.Errorf("filter gave a value that is no JSON: %w", err)
	}
	return e.write(string(text))
}

func (e *encoder) write(text string) error {
	if len(text) > e.limit-len(e.b) {
		return e.tooLong()
	}
	e.b = append(e.b, text...)
	return nil
}

func (e *encoder) tooLong() error {
	return fmt.Errorf("filter gave more than max_output, %d bytes", e.limit)
}
