package wire

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/headgate-io/headgate/sdk"
)

// ErrNotConfigured says that a kind was called before it was configured.
var ErrNotConfigured = errors.New("plugin kind is not configured")

// ErrTooLarge says that a request or an answer has more bytes than may be.
var ErrTooLarge = errors.New("more bytes than a plugin call may have")

// maxText bounds an error's text, in bytes: it travels in a header, and to logs.
const maxText = 8 << 10

// codeOf pairs the errors that somebody branches on with their codes.
var codeOf = []struct {
	err  error
	code codes.Code
}{
	{sdk.ErrUnavailable, codes.Unavailable},
	{ErrNotConfigured, codes.FailedPrecondition},
	{ErrTooLarge, codes.ResourceExhausted},
	{ErrBreach, codes.Internal},
	{context.DeadlineExceeded, codes.DeadlineExceeded},
	{context.Canceled, codes.Canceled},
}

// ToStatus makes an error one that gRPC carries.
func ToStatus(err error) error {
	if err == nil {
		return nil
	}
	code := codes.Unknown
	for _, x := range codeOf {
		if errors.Is(err, x.err) {
			code = x.code
			break
		}
	}
	return status.Error(code, Text(err.Error()))
}

// FromStatus makes what gRPC carried, or what it met itself, an error that wraps
// what ToStatus was given.
func FromStatus(err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	for _, x := range codeOf {
		if s.Code() == x.code {
			return &remote{text: Text(s.Message()), is: x.err}
		}
	}
	if s.Code() == codes.Unimplemented {
		return breach("the plugin does not serve this call: %s", Text(s.Message()))
	}
	return errors.New(Text(s.Message()))
}

// remote is an error of the other side, in its words.
type remote struct {
	text string
	is   error
}

func (r *remote) Error() string {
	if strings.Contains(r.text, r.is.Error()) {
		return r.text
	}
	return r.is.Error() + ": " + r.text
}

func (r *remote) Unwrap() error { return r.is }

// Text makes any text fit for the wire: UTF-8, and not too long.
func Text(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxText)], "\uFFFD")
}
