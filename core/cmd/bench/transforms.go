package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// transforms is S6: events that a plugin changes on their way, and what its calls
// cost.
func (b *bench) transforms(ctx context.Context) (_ []*row, err error) {
	rows, err := b.masked(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := host.Start(ctx, host.Command{Self: []string{pluginArg}}, host.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for _, v := range []sdk.Verdict{sdk.Unchanged, sdk.Replace} {
		if err := conn.Configure(ctx, host.Configuration{Kind: kindThat(v), Config: json.RawMessage("{}")}); err != nil {
			return nil, err
		}
	}
	calls, err := b.calls(ctx, conn)
	if err != nil {
		return nil, err
	}
	codecs, err := b.codecs(ctx, conn)
	return slices.Concat(rows, calls, codecs), err
}

// masked compares a router whose commands all go through one plugin, in a process
// of its own, with one that has none.
func (b *bench) masked(ctx context.Context) ([]*row, error) {
	without, err := b.newStand(ctx, "S6-without", commanded, setup{engine: durable})
	if err != nil {
		return nil, err
	}
	defer without.close()
	with, err := b.newStand(ctx, "S6", commanded, setup{engine: durable, masked: true})
	if err != nil {
		return nil, err
	}
	defer with.close()
	var rows []*row
	for _, connections := range []int{64, 512} {
		with.anew()
		c := newComparison(atConnections("signed event over HTTP through a plugin to commands ("+durable.outbox()+")", connections), "without a plugin")
		c.rate.Aim, c.done.Aim = atLeast(0.7), atLeast(0.7)
		rows = append(rows, c.rows()...)
		err := b.each(func() error {
			base, err := without.fireRouter(ctx, connections, 1)
			if err != nil {
				return err
			}
			got, err := with.fireRouter(ctx, connections, 1)
			c.add(base, got)
			return err
		})
		if err != nil {
			return nil, err
		}
		if with.transformed < with.delivered {
			return nil, fmt.Errorf("%d of %d events went through the plugin", with.transformed, with.delivered)
		}
		c.rate.Note = fmt.Sprintf("%s; %.1f events a call of the plugin", with.tally(), with.perCall())
	}
	rows[0].Note += "; processor time is that of the router and its plugin"
	return rows, nil
}
