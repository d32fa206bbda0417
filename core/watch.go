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
	reapplyWhy = "files of certificates, or of plugins' secrets, have changed"
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

// referred are the files that a configuration refers to and that are taken as they
// are when they change: certificates, and secrets of plugins.
func referred(cfg *config.Config) []string { return append(cfg.TLSFiles(), cfg.PluginFiles()...) }

// watch has certificates and secrets of plugins count when their files change, and,
// where [reload] wants it, the configuration, until ctx ends.
func (c *Core) watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var of *arrangement
	var texts, files lookout
	var failed failure
	for {
		if at := c.at.Load(); at != of { // it has its own files, as they were when it was made
			of, texts, files, failed = at, lookout{taken: at.texts}, lookout{taken: at.referred}, failure{}
		}
		if texts.changed(c.texts(of.cfg)) && of.cfg.Reload.Watch {
			_, _ = c.Reload(ctx, admin.Reload{Why: watchWhy}) // it logs
		} else if files.changed(referred(of.cfg)) || failed.due() {
			failed = c.reapply(ctx, failed)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// failure is why files were not taken. What was wrong may not have been theirs: they
// are tried again when it is due.
type failure struct {
	why   string // empty for none
	again time.Time
}

func (f failure) due() bool { return f.why != "" && !time.Now().Before(f.again) }

// reapply puts the same configuration in place again, with its files as they are.
func (c *Core) reapply(ctx context.Context, before failure) failure {
	c.reloading.Lock()
	defer c.reloading.Unlock()
	limit, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	_, _, err := c.take(limit, c.at.Load().keyring.cfg, admin.Reload{Why: reapplyWhy})
	log := c.part("reload")
	switch {
	case errors.Is(err, errNotRunning):
	case err == nil:
		log.Info().Int("generation", c.at.Load().number).Msg(reapplyWhy + ", and are taken")
	case err.Error() != before.why:
		log.Error().Err(err).Msg(reapplyWhy + ", and are not taken: all stays as it is")
	}
	return failure{text(err), time.Now().Add(retryEvery)}
}
