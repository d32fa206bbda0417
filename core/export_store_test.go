package core

import (
	"context"

	"github.com/headgate-io/headgate/core/outbox"
)

// Watch has run called in the place of what keeps the store of c.
func Watch(c *Core, run func(context.Context) error) { c.store = watched{c.store, run} }

type watched struct {
	outbox.Engine
	run func(context.Context) error
}

func (w watched) Run(ctx context.Context) error { return w.run(ctx) }
