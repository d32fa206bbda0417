package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// gatherPatience bounds a gathering beyond its window: a thousand handshakes
// take one to two seconds.
const gatherPatience = 30 * time.Second

// gathering is a listening role and the consumers that come to it.
type gathering struct {
	mechanism
	role      []string // and its arguments
	mode      string   // of the consumers
	consumers int
}

// figures returns what the role measures once its consumers are there.
func (b *bench) figures(ctx context.Context, g gathering) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, b.window+gatherPatience)
	defer cancel()
	listener, endpoint, err := b.role(ctx, "", g.listening(g.role...)...)
	if err != nil {
		return nil, err
	}
	defer listener.end()
	consumers, _, err := b.role(ctx, "", g.connecting("consumers", g.mode, endpoint, strconv.Itoa(g.consumers))...)
	if err != nil {
		return nil, err
	}
	defer consumers.end()
	text, err := listener.line()
	if err != nil {
		return nil, fmt.Errorf("role %s: %w", g.role[0], err)
	}
	return parseFigures(text)
}

// sayFigures is for the role what parseFigures reads.
func sayFigures(say func(string), figures ...float64) {
	text := make([]string, len(figures))
	for i, f := range figures {
		text[i] = strconv.FormatFloat(f, 'g', -1, 64)
	}
	say(strings.Join(text, " "))
}

func parseFigures(text string) ([]float64, error) {
	var figures []float64
	for word := range strings.FieldsSeq(text) {
		f, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, fmt.Errorf("figures: %w", err)
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// sending is what gatherings need of a socket that sends.
type sending interface {
	Listen(endpoint string) (bound string, err error)
	Run(ctx context.Context) error
	Peers() []*zmq.Peer
}

// gathered waits until n peers are ready, and each has subscribed if topics.
func gathered(ctx context.Context, s sending, n int, topics bool) error {
	return until(ctx, func() bool {
		peers := s.Peers()
		for _, p := range peers {
			if topics && p.Facts().Topics == 0 {
				return false
			}
		}
		return len(peers) == n
	})
}

// until waits for what is wanted, or for the end of ctx, which is an error.
func until(ctx context.Context, wanted func() bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !wanted() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// unlessEnded is err, or nil if a role's end was asked for.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
