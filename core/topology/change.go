package topology

import (
	"context"
	"fmt"
	"slices"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Next is the setting that a socket is to have.
type Next struct {
	Setting
	Given    bool // Listen is that of a socket which leaves it before this one enters
	SameKeys bool // its CURVE keys stay those that it has then, as Rotate has made them
}

// Change is another setting of a socket that is ready: what can fail has been
// tried. Until Leave all is as it was. Then Enter has to follow; otherwise Drop.
type Change struct {
	s     *socket
	to    Next
	holds *zmq.Pull // an address that nobody is served at yet
}

// Prepare gets another setting ready, and touches nothing that is in use. An
// address that is new is held from now on, so that nobody else can take it.
func (s *socket) Prepare(to Next) (*Change, error) {
	c := &Change{s: s, to: to, holds: zmq.NewPull(zmq.Options{Mode: s.mode, Security: to.Security})}
	if err := c.hold(s.Setting(), s.Bound()); err != nil {
		c.Drop()
		return nil, err
	}
	return c, nil
}

func (c *Change) hold(was Setting, bound string) error {
	for _, address := range c.to.Connect {
		if err := c.holds.Connect(address); err != nil { // it is dialled by who is run
			return fmt.Errorf("%s: %w", c.s.name, err)
		}
	}
	if to := c.to.Listen; to == "" || to == was.Listen || to == bound || c.to.Given {
		return nil
	}
	if _, err := c.holds.Listen(c.to.Listen); err != nil {
		return c.s.unopened(err)
	}
	return nil
}

// Drop gives back what is held.
func (c *Change) Drop() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.holds.Run(ended) // it was never run: there is nothing that could fail
}

// Leave gives up the address that is listened on where the setting has another.
// Whoever came by it is let go.
func (c *Change) Leave() {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound != "" && c.to.Listen != s.now.Listen && c.to.Listen != s.bound {
		s.Remove(s.bound)
		s.bound = ""
	}
}

// Enter takes the setting over and touches only what differs: connections go on,
// but for those by an address that is gone, to a server whose pinned key has
// changed, and of a guest that is no longer one or may see less or more. An error
// is of an address that is not listened on; all else counts, and another Change
// tries again.
func (c *Change) Enter() error {
	c.Drop()
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.sweep() // after an error, too: somebody may have come meanwhile
	to := c.to.Setting
	if own, now := to.Security.Curve, s.now.Security.Curve; c.to.SameKeys && own != nil && now != nil {
		same := *own
		same.Secrets = now.Secrets
		to.Security.Curve = &same
	}
	for _, address := range s.now.Connect {
		if !slices.Contains(to.Connect, address) {
			s.Remove(address)
		}
	}
	if err := s.Secure(s.admitting(to.Security)); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	s.guests.Store(&to.Guests)
	was := s.now
	s.now = to
	err := s.open(was)
	if s.bound == "" {
		s.now.Listen = "" // for another Change to see
	}
	return err
}

// Change puts another setting in place at once. After an error of what can be tried
// before, the setting is what it was.
func (s *socket) Change(to Setting) error {
	c, err := s.Prepare(Next{Setting: to})
	if err != nil {
		return err
	}
	c.Leave()
	return c.Enter()
}
