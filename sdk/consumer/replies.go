package consumer

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// maxRepliers bounds the reply addresses that are connected to: some routers,
// and what they were called before their last change.
const maxRepliers = 8

var errReply = errors.New("delivery: no lease, or no reply address that can be connected to")

// replies sends replies to the addresses that deliveries name.
type replies struct {
	log      *slog.Logger
	security zmq.Security
	tally    *tally
	open     []*replier // the one used last is last
	going    sync.WaitGroup
}

// to returns the replier of an address. It makes one if need be, and leaves the
// address that was not used for longest if they are too many.
func (r *replies) to(address string) (*replier, error) {
	if i := slices.IndexFunc(r.open, func(x *replier) bool { return x.address == address }); i >= 0 {
		found := r.open[i]
		r.open = append(slices.Delete(r.open, i, i+1), found)
		return found, nil
	}
	made, err := newReplier(address, zmq.Options{Security: r.security, Observe: observe(r.log)}, r.tally)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errReply, err)
	}
	if len(r.open) == maxRepliers {
		r.open[0].close()
		r.open = slices.Delete(r.open, 0, 1)
	}
	r.open = append(r.open, made)
	r.going.Go(made.run)
	return made, nil
}

// put keeps a reply for handOver, to an address that to has found good.
func (r *replies) put(address string, reply delivery.Reply) {
	if to, err := r.to(address); err == nil {
		to.put(reply)
	}
}

// handOver sends what was put since the last time: to each address together.
func (r *replies) handOver() {
	for _, x := range r.open {
		x.handOver()
	}
}

// close sends what waits, for a bounded time, and ends every replier.
func (r *replies) close() {
	for _, x := range r.open {
		x.close()
	}
	r.going.Wait()
}
