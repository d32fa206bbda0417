package core

import (
	"context"
	"errors"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
)

const (
	// watchEvery is how often the files of a configuration are looked at.
	watchEvery = time.Second
	// reapplyWhy and watchWhy are what the audit log says of what nobody asked for.
	reapplyWhy = "certificate files have changed"
	watchWhy   = "configuration files have changed"
)

// lookout looks at files, as source does: not by events of the file system, so that
// links that are swapped are followed.
type lookout struct {
	last, taken look
}

// changed tells, once for each change, that the files are others than before, and
// have been so for two looks in a row.
func (w *lookout) changed(files []string) bool {
	now := lookAt(files)
	again := now.equal(w.last)
	w.last = now
	if now.equal(w.taken) || !again {
		return false
	}
	w.taken = now
	return true
}

// texts are the files that say what a configuration is.
func (c *Core) texts(cfg *config.Config) []string { return append(cfg.SchemaFiles(), c.o.Files...) }

// watch has certificates count when their files change, and, where [reload] wants
// it, the configuration, until ctx ends.
func (c *Core) watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var of *arrangement
	var texts, certificates lookout
	for {
		if at := c.at.Load(); at != of { // it has its own files, as they were when it was made
			of, texts, certificates = at, lookout{taken: at.texts}, lookout{taken: at.certificates}
		}
		if texts.changed(c.texts(of.cfg)) && of.cfg.Reload.Watch {
			_, _ = c.Reload(ctx, admin.Reload{Why: watchWhy}) // it logs
		} else if certificates.changed(of.cfg.TLSFiles()) {
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
