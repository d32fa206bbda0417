package config

import (
	"fmt"
	"io"
)

// Secret is key material that prints as [redacted] wherever fmt, encoding/json
// or a logger meets it, whatever the verb. Only [Secret.Reveal] gives it away.
type Secret []byte

const redacted = "[redacted]"

// Reveal gives the material itself, not a copy.
func (s Secret) Reveal() []byte { return s }

// String gives [redacted].
func (s Secret) String() string { return redacted }

// GoString gives [redacted].
func (s Secret) GoString() string { return redacted }

// Format writes [redacted] for every verb, those for numbers included.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText gives [redacted].
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON gives "[redacted]".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// UnmarshalText takes a copy of text as the material.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = append(Secret(nil), text...)
	return nil
}
