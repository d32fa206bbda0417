package core

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/outbox"
)

// Verify implements admin.Router.
func (c *Core) Verify(ctx context.Context) (admin.Checked, error) {
	out := admin.Checked{Faults: []string{}}
	err := c.store.Verify(ctx)
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	var joined interface{ Unwrap() []error }
	switch {
	case err == nil:
	case errors.As(err, &joined):
		for _, e := range joined.Unwrap() {
			out.Faults = append(out.Faults, e.Error())
		}
	default:
		out.Faults = append(out.Faults, err.Error())
	}
	return out, nil
}

// Backup implements admin.Router. A backup is a data directory: keys, lease key
// and journal as of one moment.
func (c *Core) Backup(ctx context.Context, to admin.Copy) error {
	store, ok := c.store.(outbox.Copying)
	if !ok {
		return fmt.Errorf("%w: the %s engine keeps nothing on disk", admin.ErrBad, c.store.Stats().Engine)
	}
	if !filepath.IsAbs(to.Dir) {
		return fmt.Errorf("%w: %q is not absolute", admin.ErrBad, to.Dir)
	}
	if err := datadir.New(to.Dir); err != nil {
		return fmt.Errorf("%w: %w", admin.ErrBad, err)
	}
	if err := datadir.New(datadir.Journal(to.Dir)); err != nil {
		return err
	}
	if err := store.Backup(ctx, datadir.Journal(to.Dir)); err != nil {
		return err
	}
	return datadir.CopyOwn(c.cfg.Path(c.cfg.Data.Dir), to.Dir)
}
