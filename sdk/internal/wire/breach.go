package wire

import (
	"errors"
	"fmt"
)

// ErrBreach is wrapped by the error for anything that the other side must not
// send.
var ErrBreach = errors.New("breach of the plugin wire")

func breach(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBreach, fmt.Sprintf(format, args...))
}
