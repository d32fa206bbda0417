package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/sdk/zmq"
)

const (
	// peerMemoryLimit is what an idle connection may take of the listening
	// process, in KiB.
	peerMemoryLimit = 64
	// collections empty the pools: what is pooled outlives one.
	collections = 2
)

// connections is S8's memory per connection.
func (b *bench) connections(ctx context.Context) ([]*row, error) {
	about := "anonymous memory of the listening process after collections, without the kernel's buffers; "
	var rows []*row
	for _, one := range []struct{ kind, mode, peers string }{{"push", "pull", "PULL peers"}, {"pub", "sub", "subscribers"}} {
		for _, m := range []mechanism{{}, newCurve()} {
			r := &row{What: fmt.Sprintf("memory per connection, %d idle %s (%s)", many, one.peers, m), Unit: "KiB", Aim: atMostValue(peerMemoryLimit)}
			rows = append(rows, r)
			if _, err := rssAnon(os.Getpid()); errors.Is(err, os.ErrNotExist) {
				r.Missing = noProc
				continue
			}
			err := b.each(func() error {
				figures, err := b.figures(ctx, gathering{mechanism: m, role: []string{"memory", one.kind, strconv.Itoa(many)}, mode: one.mode, consumers: many})
				if err != nil {
					return err
				}
				if len(figures) != 3 {
					return fmt.Errorf("memory: %d figures", len(figures))
				}
				r.Measured = append(r.Measured, figures[0])
				r.Note = about + fmt.Sprintf("in the last round %.1f KiB of it in the heap, %.1f KiB in stacks", figures[1], figures[2])
				return nil
			})
			if err != nil {
				return nil, err
			}
			about = "" // once is enough
		}
	}
	return rows, nil
}

// playMemory listens with a push or a pub, its first argument, and says in KiB
// what each of so many connections, its second, adds to the process's anonymous
// memory, to its heap and to its stacks.
func playMemory(ctx context.Context, args []string, say func(string)) error {
	if len(args) < 2 {
		return errors.New("memory: push or pub and a number are needed")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	security, err := listeningSecurity(args[2:])
	if err != nil {
		return err
	}
	o := zmq.Options{Linger: -1, Security: security, Limits: zmq.Limits{Handshakes: n}}
	var socket sending = zmq.NewPush(o)
	if args[0] == "pub" {
		socket = zmq.NewPub(o)
	}
	bound, err := socket.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	before, err := takeUsage()
	if err != nil {
		return err
	}
	say(bound)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return socket.Run(ctx) })
	g.Go(func() error {
		if err := gathered(ctx, socket, n, args[0] == "pub"); err != nil {
			return unlessEnded(ctx, err)
		}
		after, err := takeUsage()
		if err != nil {
			return err
		}
		each := func(before, after float64) float64 { return (after - before) / float64(n) }
		sayFigures(say, each(before.anon, after.anon), each(before.heap, after.heap), each(before.stacks, after.stacks))
		return nil
	})
	return g.Wait()
}

// usage is what this process takes, in KiB.
type usage struct{ anon, heap, stacks float64 }

// takeUsage gives back what is unused first.
func takeUsage() (usage, error) {
	for range collections {
		debug.FreeOSMemory()
	}
	anon, err := rssAnon(os.Getpid())
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return usage{anon: anon * 1024, heap: float64(s.HeapInuse) / 1024, stacks: float64(s.StackInuse) / 1024}, err
}
