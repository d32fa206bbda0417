package host

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// WatchTrust gives take every bundle that the provider kind publishes, and tells
// the plugin when take refuses one. It returns when ctx ends, the plugin ends it
// (sdk.ErrUnavailable when the kind was replaced or the plugin drains), or the
// process is gone. Options.CallTimeout does not bound it.
func (c *Conn) WatchTrust(ctx context.Context, kind string, take func(sdk.TrustBundle) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream
	stream, err := c.providers.WatchTrust(ctx)
	if err != nil {
		return c.explain(err)
	}
	answer := &pb.WatchTrustRequest{Kind: kind}
	for {
		if err := stream.Send(answer); err != nil && !errors.Is(err, io.EOF) { // io.EOF: Recv knows why
			return c.explain(err)
		}
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: the provider %s was replaced, or the plugin drains", sdk.ErrUnavailable, kind)
		}
		if err != nil {
			if status.Code(err) == codes.Unavailable { // of a stream hardly anybody else says it
				err = &lost{err}
			}
			return c.explain(err)
		}
		b, err := wire.FromTrust(m)
		if err != nil {
			return err
		}
		answer = &pb.WatchTrustRequest{Version: b.Version}
		if err := take(b); err != nil {
			answer.Refused = wire.Text(err.Error())
		}
	}
}

// Hint tells the provider kind of a key id that nobody knows.
func (c *Conn) Hint(ctx context.Context, kind, issuer, kid string) error {
	return c.call(ctx, func(ctx context.Context) error {
		_, err := c.providers.Hint(ctx, &pb.HintRequest{Kind: kind, Issuer: issuer, KeyId: kid})
		return err
	})
}
