package core

import (
	"context"
	"errors"
	"time"

	"github.com/headgate-io/headgate/core/admin"
)

const (
	// watchEvery is how often the files of a configuration are looked at.
	watchEvery = time.Second
	// reapplyWhy and watchWhy are what the audit log says of what nobody asked for.
	reapplyWhy = "certificate files have changed"
	watchWhy   = "configuration files have changed"
)

// lookout looks at files, as source is: not by events of the file
// system, so that links that are swapped are followed.
type lookout struct {
	last, taken look
}

// changed tells, once for each change, that the files are others than before, and
// have been so for two looks in a row.
func (w *lookout) changed(files []string) bool {
	now := lookAt(files)
	switch {
	case w.taken == nil:
		w.taken = now
	case now.equal(w.taken):
	case now.equal(w.last):
		w.taken = now
		return true
	}
	w.last = now
	return false
}

// watch has certificates count when their files change, and, where [reload] wants
// it, the configuration, until ctx ends.
func (c *Core) watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var texts, certificates lookout
	for {
		cfg := c.at.Load().cfg
		if texts.changed(append(cfg.SchemaFiles(), c.o.Files...)) && cfg.Reload.Watch {
			_, _ = c.Reload(ctx, admin.Reload{Why: watchWhy}) // it logs
		} else if certificates.changed(cfg.TLSFiles()) {
			c.reapply(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// reapply puts the same configuration in place again, with its files as they are.
func (c *Core) reapply(ctx context.Context) {
	c.reloading.Lock()
	defer c.reloading.Unlock()
	_, _, err := c.take(ctx, c.at.Load().keyring.cfg, admin.Reload{Why: reapplyWhy})
	log := c.part("reload")
	switch {
	case errors.Is(err, errNotRunning):
	case err != nil:
		log.Error().Err(err).Msg("certificate files have changed and are not taken: all stays as it is")
	default:
		log.Info().Int("generation", c.at.Load().number).Msg("certificates are read again")
	}
}
