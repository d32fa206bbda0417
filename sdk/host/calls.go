package host

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// calls counts the calls under way: a drained plugin has ended them, but their
// answers may still be on their way.
type calls struct {
	mu    sync.Mutex
	under int
	idle  chan struct{} // closed at none; nil when nobody waits
}

func (c *calls) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under++
}

func (c *calls) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under--; c.under == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// wait returns when no call is under way, or ctx ends.
func (c *calls) wait(ctx context.Context) {
	c.mu.Lock()
	if c.under == 0 {
		c.mu.Unlock()
		return
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// lost is an error of the connection, where the plugin itself answered nothing.
type lost struct{ error }

func (l *lost) GRPCStatus() *status.Status { return status.Convert(l.error) }

// findLost tells lost connections from plugins that say that they are
// unavailable: whatever a server says comes with metadata.
func findLost(ctx context.Context, method string, request, answer any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	var header, trailer metadata.MD
	err := invoke(ctx, method, request, answer, cc, append(options, grpc.Header(&header), grpc.Trailer(&trailer))...)
	code := status.Code(err)
	ended := code == codes.Unavailable || code == codes.Canceled && ctx.Err() == nil // else the caller cancelled it
	if !ended || len(header)+len(trailer) > 0 {
		return err
	}
	return &lost{err}
}

// ownStreams refuses the streams that go-plugin opens by itself: we use neither,
// and its broker starts a goroutine for whatever a plugin sends there.
func ownStreams(ctx context.Context, of *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	if strings.HasPrefix(method, "/plugin.") {
		return nil, status.Error(codes.Unimplemented, "not used")
	}
	return open(ctx, of, cc, method, options...)
}
