package sdktest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// watch is one WatchTrust call under way.
type watch struct {
	p      *process
	send   func(*pluginv1.WatchTrustRequest) error
	got    chan *pluginv1.WatchTrustResponse
	over   chan struct{} // closed when the call has ended, with err
	err    error
	cancel context.CancelFunc
}

// watch begins to watch a kind. The caller calls close.
func (p *process) watch(ctx context.Context, kind string) *watch {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{p: p, got: make(chan *pluginv1.WatchTrustResponse), over: make(chan struct{}), cancel: cancel}
	stream, err := p.providers.WatchTrust(ctx)
	if err == nil {
		w.send = stream.Send
		_ = w.send(&pluginv1.WatchTrustRequest{Kind: kind}) // Recv tells why it failed
	}
	if err != nil {
		w.err = err
		close(w.over)
		return w
	}
	go func() {
		defer close(w.over)
		for {
			m, err := stream.Recv()
			if err != nil {
				w.err = err
				return
			}
			select {
			case w.got <- m:
			case <-ctx.Done():
				w.err = ctx.Err()
				return
			}
		}
	}()
	return w
}

// errQuiet says that no snapshot came.
var errQuiet = errors.New("no snapshot came")

// next waits for a snapshot. It errs when there is none within so long, when the
// call has ended, or when the snapshot is one that no router reads.
func (w *watch) next(within time.Duration) (*pluginv1.WatchTrustResponse, error) {
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case m := <-w.got:
		_, err := wire.FromTrust(m)
		return m, err
	case <-w.over:
		return nil, fmt.Errorf("WatchTrust ended: %w", w.p.why(w.err))
	case <-late.C:
		return nil, fmt.Errorf("%w within %s", errQuiet, within)
	}
}

// answer tells that a snapshot was taken, or why it was refused. If it cannot be
// told the next call of next says why.
func (w *watch) answer(version uint64, refused string) {
	_ = w.send(&pluginv1.WatchTrustRequest{Version: version, Refused: refused})
}

// close ends the call and waits.
func (w *watch) close() {
	w.cancel()
	<-w.over
}
