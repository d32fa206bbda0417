package main

import (
	"context"
	"fmt"
)

const (
	// deliveriesPerSecond is what S1 asks of whole signed deliveries.
	deliveriesPerSecond = 300_000
	// sealedRatio is what is asked of CURVE.
	sealedRatio = 0.7
)

// sockets is S1: Push to a libzmq PULL, against libzmq's PUSH to the same, in
// the clear and sealed; the other direction, for which nothing is asked; and
// what a message allocates.
func (b *bench) sockets(ctx context.Context) ([]*row, error) {
	d, err := newDeliveries()
	if err != nil {
		return nil, err
	}
	frames, err := d.sizes()
	if err != nil {
		return nil, err
	}
	var rows []*row
	for _, t := range b.sent(frames) {
		rows = append(rows, t.rows()...)
		if t.rate.Missing == "" {
			if err := t.sending(ctx); err != nil {
				return nil, err
			}
		}
	}
	for _, t := range b.received() {
		rows = append(rows, t.rows()...)
		if t.rate.Missing == "" {
			if err := t.receiving(ctx); err != nil {
				return nil, err
			}
		}
	}
	allocated, err := b.allocations(ctx)
	return append(rows, allocated...), err
}

// singles are the sizes of the messages of one frame, in bytes.
func singles() []string { return []string{"64", "512", "4096"} }

// sent are the transfers from us. frames are the sizes of a signed delivery.
func (b *bench) sent(frames string) []*transfer {
	var all []*transfer
	for _, size := range singles() {
		all = append(all, &transfer{bench: b, sizes: size, profile: "S1-push-" + size,
			rate: &row{What: "push to libzmq PULL, one frame of " + size + " B", Unit: "msg/s", Against: b.lib.push(), Aim: atLeast(1)}})
	}
	all = append(all, &transfer{bench: b, sizes: frames, ours: signed, profile: "S1",
		rate: &row{What: "push of signed deliveries, 5 frames", Unit: "msg/s", Against: b.lib.push() + ", unsigned", Aim: atLeastValue(deliveriesPerSecond),
			Note: "each delivery is made, leased and signed in batches of 256; the baseline sends frames of the same sizes, " + frames + " B"}})
	curve := newCurve()
	note := "the start of the process included; where libzmq's PULL is the slower end, the rates are its own and this tells more"
	for _, size := range singles() {
		what, against := "push with CURVE to libzmq PULL, one frame of "+size+" B", b.lib.push()+" with CURVE"
		all = append(all, &transfer{bench: b, mechanism: curve, sizes: size, profile: "S1-push-CURVE-" + size,
			rate: &row{What: what, Unit: "msg/s", Against: against, Aim: atLeast(sealedRatio)},
			cost: &row{What: what + ", sender's CPU", Unit: "us", Against: against, Note: note}})
		note = "" // once is enough
	}
	return all
}

// received are the transfers to us.
func (b *bench) received() []*transfer {
	var all []*transfer
	for _, m := range []mechanism{{}, newCurve()} {
		for _, size := range singles() {
			all = append(all, &transfer{bench: b, mechanism: m, sizes: size, profile: fmt.Sprintf("S1-pull-%s-%s", m, size),
				rate: &row{What: fmt.Sprintf("pull (%s) from libzmq PUSH, one frame of %s B", m, size), Unit: "msg/s", Against: b.lib.pull()}})
		}
	}
	return all
}
