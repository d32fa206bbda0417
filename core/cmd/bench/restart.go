package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/datadir"
)

const (
	// acceptingAgain and deliveringAgain are what a router with a million
	// pending events of 1 KiB may take, in milliseconds.
	acceptingAgain  = 2000
	deliveringAgain = 3000
	// fillPiece is how many events are signed at a time.
	fillPiece = 100_000
	// fillPatience bounds the sending of one piece.
	fillPatience = 5 * time.Minute
)

// restarts is J3: a router with a backlog is killed and started again.
func (b *bench) restarts(ctx context.Context) ([]*row, error) {
	r, err := b.newRouter(ctx, "J3", setup{engine: durable})
	if err != nil {
		return nil, err
	}
	defer func() { r.end() }()
	what := fmt.Sprintf("killed with %d pending events of 1 KiB, ", b.backlog)
	filled := &row{What: what + "filled before", Unit: "events/s", Note: fmt.Sprintf("%d per request, 64 connections, no consumer", batchEvents)}
	accepting := &row{What: what + "until it accepts", Unit: "ms", Against: "none pending", Aim: atMostValue(acceptingAgain), Note: "from the start of the process"}
	delivering := &row{What: what + "until the first delivery", Unit: "ms", Against: "none pending", Aim: atMostValue(deliveringAgain)}
	drained := &row{What: what + "drained after", Unit: "events/s", Note: "by one Go consumer that replies done"}
	held := &row{What: what + "journal on disk then", Unit: "MiB"}
	left := &row{What: what + "journal on disk at the end", Unit: "MiB", Note: "the ends of events can be asked for an hour"}

	empty, err := b.awaken(ctx, r)
	if err != nil {
		return nil, err
	}
	if _, err := empty.drain(ctx); err != nil {
		return nil, err
	}
	rate, err := b.fill(ctx, r)
	if err != nil {
		return nil, err
	}
	bytes, err := r.journalSize()
	if err != nil {
		return nil, err
	}
	full, err := b.awaken(ctx, r)
	if err != nil {
		return nil, err
	}
	pace, err := full.drain(ctx)
	if err != nil {
		return nil, err
	}
	rest, err := r.journalSize()
	filled.Measured = []float64{rate}
	accepting.add(millis(empty.accepting), millis(full.accepting))
	delivering.add(millis(empty.delivering), millis(full.delivering))
	drained.Measured, held.Measured, left.Measured = []float64{pace}, []float64{bytes}, []float64{rest}
	return []*row{filled, accepting, delivering, drained, held, left}, err
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// fill puts the backlog into a router, and gives the events per second.
func (b *bench) fill(ctx context.Context, r *router) (float64, error) {
	var spent time.Duration
	for sent := 0; sent < b.backlog; sent += fillPiece {
		shots := newShots(order{requests: (min(fillPiece, b.backlog-sent) + batchEvents - 1) / batchEvents, batch: batchEvents,
			size: recordBytes, kind: commanded, keyID: keyID, signer: r.signer})
		v, err := fire(ctx, r.address, shots, 64, fillPatience)
		if err != nil {
			return 0, err
		}
		if v.refused > 0 {
			return 0, fmt.Errorf("%d events of the backlog were refused", v.refused)
		}
		spent += v.elapsed
	}
	return float64(b.backlog) / spent.Seconds(), nil
}

// awakening is a router that was killed and started again, with a consumer.
type awakening struct {
	*router
	accepting  time.Duration // from its start
	delivering time.Duration
	since      time.Time // when it began to deliver
	leave      func() error
}

// awaken kills a router and starts it, with a consumer that waits for it.
func (b *bench) awaken(ctx context.Context, r *router) (*awakening, error) {
	request := newShots(order{requests: 1, batch: 1, kind: commanded, keyID: keyID, signer: r.signer}).at(0)
	r.kill()
	a := &awakening{router: r}
	began := time.Now()
	if err := r.start(ctx, b); err != nil {
		return nil, err
	}
	first := make(chan time.Time, 1)
	var once sync.Once
	consuming, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	c := &consumer{endpoint: r.commands, took: func() { once.Do(func() { first <- time.Now() }) }}
	go func() { ended <- c.work(consuming) }() // leave waits for it
	a.leave = func() error { cancel(); return <-ended }
	err := firstAccepted(ctx, r.address, request, began.Add(routerPatience))
	a.accepting = time.Since(began)
	if err == nil {
		select {
		case a.since = <-first:
			a.delivering = a.since.Sub(began)
		case <-time.After(routerPatience):
			err = errors.New("router: nothing is delivered")
		}
	}
	if err != nil {
		return nil, errors.Join(err, a.leave())
	}
	return a, nil
}

// drain waits until nothing is pending, lets the consumer go, and gives the
// events per second.
func (a *awakening) drain(ctx context.Context) (float64, error) {
	top, err := a.until(ctx, "the backlog is done", func(t *admin.Top) bool { return t.Commands[0].Pending == 0 })
	spent := time.Since(a.since)
	if err := errors.Join(err, a.leave()); err != nil {
		return 0, err
	}
	return float64(top.Commands[0].Counts.Done) / spent.Seconds(), nil
}

// journalSize gives what its journal takes of the disk, in MiB.
func (r *router) journalSize() (float64, error) {
	var total int64
	err := filepath.WalkDir(datadir.Journal(filepath.Join(r.dir, "data")), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was dropped meanwhile
		}
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return float64(total) / (1 << 20), err
}
