package main

import "context"

const (
	// bareConfig leaves out what operators and auditors need.
	bareConfig = `
[audit]
mode = "off"
`
	// watchedConfig has all of it, with bounds that a benchmark does not reach.
	watchedConfig = `
[audit]
export = ["file:checkpoints"]
checkpoint = "1s"
[admin]
http = "127.0.0.1:0"
`
	watchedLimits = `admission = "1000000000/s"
`
)

// operators is S11: what the audit log, metrics and limits cost on the durable path.
func (b *bench) operators(ctx context.Context) ([]*row, error) {
	bare, err := b.newStand(ctx, "S11-bare", commanded, setup{engine: durable, bare: true})
	if err != nil {
		return nil, err
	}
	defer bare.close()
	watched, err := b.newStand(ctx, "S11", commanded, setup{engine: durable, watched: true})
	if err != nil {
		return nil, err
	}
	defer watched.close()
	var rows []*row
	for _, connections := range []int{64, 512} {
		bare.anew()
		watched.anew()
		c := newComparison(atConnections("signed event over HTTP to commands, with audit log, metrics and limits", connections), "without")
		c.rate.Aim = atLeast(0.85)
		rows = append(rows, c.rows()...)
		err := b.each(func() error {
			base, err := bare.fireRouter(ctx, connections, 1)
			if err != nil {
				return err
			}
			got, err := watched.fireRouter(ctx, connections, 1)
			c.add(base, got)
			return err
		})
		if err != nil {
			return nil, err
		}
		c.rate.Note = watched.tally()
	}
	return rows, nil
}
