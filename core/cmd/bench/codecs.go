package main

import (
	"context"
	"fmt"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// attributes are extensions as edges and gateways add them, sorted by name.
func attributes() []sdk.Extension {
	return []sdk.Extension{
		{Name: "partitionkey", Value: "edge-1"},
		{Name: "recordedtime", Value: "2026-01-01T00:00:00Z"},
		{Name: "sampled", Value: "true", Kind: sdk.KindBoolean},
		{Name: "sequence", Value: "1041", Kind: sdk.KindInteger},
		{Name: "tenant", Value: "north"},
		{Name: "traceparent", Value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
	}
}

// theCodecs are the shipped one, one written by hand, and the shipped one with
// extensions in a map.
func theCodecs() [3]codec {
	return [...]codec{newStandard("list", listed, unlisted), newByHand(), newStandard("map", mapped, unmapped)}
}

// codecs tells what a call of a plugin costs by its codec, beside the shipped one
// in the same surroundings, and what the sdk's own call costs beside that. conn
// is to a plugin that has replaced configured.
func (b *bench) codecs(ctx context.Context, conn *host.Conn) ([]*row, error) {
	cc, pid, stop, err := b.startCodecs(ctx)
	defer stop()
	if err != nil {
		return nil, err
	}
	var rows []*row
	var saved string // by hand, at the largest batch, which comes last
	for _, size := range batchSizes() {
		batch, err := newBatch(size, attributes())
		if err != nil {
			return nil, err
		}
		call := func(how string, pid int, t sdk.Transform) *calling {
			return newCalling(fmt.Sprintf("plugin call, batch of %d, replaced, %d extensions, %s", size, len(attributes()), how), pid, t, sdk.Replace, batch)
		}
		codecs := theCodecs()
		shipped, byHand := call("codec as shipped", pid, codecs[0].transform(cc)), call("codec by hand", pid, codecs[1].transform(cc))
		inMap := call("extensions in a map", pid, codecs[2].transform(cc))
		whole := call("the sdk's own call", conn.Facts().PID, conn.Transform(kindThat(sdk.Replace)))
		var sides []func() error
		for _, c := range []*calling{shipped, byHand, inMap, whole} {
			sides = append(sides, func() error { return c.run(ctx, b) })
		}
		if err := b.each(sides...); err != nil {
			return nil, err
		}
		for _, c := range []*calling{byHand, inMap, whole} {
			rows = append(rows, c.against("the codec as shipped", shipped)...)
		}
		saved = saving(shipped, byHand)
	}
	rows[0].Note = fmt.Sprintf("the codec as shipped is protobuf's own code, which gRPC has write into pooled buffers; by hand the same bytes are written from events and read into events without messages between. "+
		"Protobuf's own is shipped because it follows the wire by itself, where by hand each field stands in a second place; the price here is %s per event at a batch of %d, and as the bytes are the same either side may change without the other. "+
		"Compared over one gRPC connection with mTLS to one process, %d calls at once, from events to outcomes, without what the sdk does beside", saved, largeBatch, callers)
	rows[2].Note = "name to value and kind, by protobuf's own code; a flat list is shipped because no map has to be made and walked for it"
	rows[4].Note = "the shipped wire with what is done beside its codec: sizes, counts and deadlines, the comparison that makes an outcome and the checks of it"
	return rows, nil
}

// saving is what an event costs less by one of two calls, in processor time
// where that is known: what else runs does not count there.
func saving(than, by *calling) string {
	was, is, of := than.cpu, by.cpu, " of processor time"
	if len(was.Measured) == 0 {
		was, is, of = than.wall, by.wall, ""
	}
	return quantity(summarize(was.Measured).Median-summarize(is.Measured).Median, was.Unit) + of
}
