package core

import (
	"context"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
)

// Logs are the logs of a router's parts.
type Logs struct{ l *logs }

// NewLogs gives those of a configuration.
func NewLogs(cfg config.Log, base zerolog.Logger) Logs { return Logs{newLogs(cfg, base)} }

func (l Logs) Part(name string) zerolog.Logger { return l.l.part(name) }
func (l Logs) List() []admin.PartLevel         { return l.l.list() }
func (l Logs) Set(c admin.LevelChange) error   { return l.l.set(c) }
func (l Logs) Use(cfg config.Log)              { l.l.use(cfg) }
func (l Logs) Run(ctx context.Context) error   { return l.l.Run(ctx) }

// AdminAddress is where HTTP for operators listens.
func (c *Core) AdminAddress() string { return c.admin.Address() }
