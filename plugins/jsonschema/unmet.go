package jsonschema

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// maxTold bounds the pointer and the want in a reason, each, in bytes: a sender
// chooses the names in the one, an enum may be long in the other.
const maxTold = 256

// fault is one place that does not meet the schema.
type fault struct{ pointer, want string }

func (f fault) compare(o fault) int {
	return cmp.Or(strings.Compare(f.pointer, o.pointer), strings.Compare(f.want, o.want))
}

// unmet tells the first fault.
func unmet(err error) error {
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return errors.New("data cannot be held against the schema")
	}
	f := first(invalid)
	return fmt.Errorf("data does not meet the schema at %q: %s", clip(f.pointer), clip(f.want))
}

// first is the fault of the least pointer, so that an event gives the same
// reason each time: objects are walked in no order. An alternative that was not
// met is one fault, for nobody knows which branch was meant.
func first(e *jsonschema.ValidationError) fault {
	least := fault{pointer("/data", e.InstanceLocation), want(e)}
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf, *kind.PropertyNames, *kind.Contains:
		return least
	}
	for i, cause := range e.Causes {
		if f := first(cause); i == 0 || f.compare(least) < 0 {
			least = f
		}
	}
	return least
}

// want says what the schema asks. The validator's own words serve where they are
// made of the schema, of kinds and of counts alone.
func want(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Type, *kind.Enum, *kind.Const, *kind.Required, *kind.Dependency, *kind.DependentRequired,
		*kind.MinProperties, *kind.MaxProperties, *kind.MinItems, *kind.MaxItems, *kind.AdditionalItems,
		*kind.MinLength, *kind.MaxLength, *kind.UniqueItems:
		return words(e)
	case *kind.Minimum:
		return "want at least " + decimal(k.Want)
	case *kind.Maximum:
		return "want at most " + decimal(k.Want)
	case *kind.ExclusiveMinimum:
		return "want more than " + decimal(k.Want)
	case *kind.ExclusiveMaximum:
		return "want less than " + decimal(k.Want)
	case *kind.MultipleOf:
		return "want a multiple of " + decimal(k.Want)
	case *kind.Pattern:
		return "want a match of " + strconv.Quote(k.Want)
	case *kind.AdditionalProperties:
		return "want only the members that the schema names"
	case *kind.FalseSchema:
		return "want nothing here"
	case *kind.RefCycle:
		return "a $ref of the schema leads back to itself"
	}
	if keyword := e.ErrorKind.KeywordPath(); len(keyword) > 0 {
		return "want what " + keyword[0] + " asks"
	}
	return "want what the schema asks"
}

// words are the validator's own, of e alone.
func words(e *jsonschema.ValidationError) string {
	alone := *e
	alone.Causes = nil
	return alone.BasicOutput().Error.String()
}

func decimal(r *big.Rat) string {
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// pointer goes on from a JSON Pointer (RFC 6901, section 3).
func pointer(from string, names []string) string {
	var b strings.Builder
	b.WriteString(from)
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for _, name := range names {
		b.WriteByte('/')
		_, _ = escape.WriteString(&b, name) // a Builder takes all
	}
	return b.String()
}

// clip shortens a text to maxTold bytes of whole characters.
func clip(text string) string {
	if len(text) <= maxTold {
		return text
	}
	end := maxTold
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}
