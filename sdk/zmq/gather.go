package zmq

import "context"

// gather is a socket's share in receiving from all its peers, fairly.
type gather struct{ inbox *inbox }

// Recv returns the next message and whom it came from. After the end it returns
// what was received before, then ErrClosed.
func (g *gather) Recv(ctx context.Context) (Received, error) { return g.inbox.recv(ctx) }

func (g *gather) take(p *Peer, batch []Frames) error {
	g.inbox.put(p, batch)
	return nil
}

func (g *gather) end() { g.inbox.close() }
