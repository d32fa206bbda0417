// Command consumer-go prints every command that its router hands it: the least
// a consumer that checks what it acts on has to be.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

func main() {
	connect := flag.String("connect", "tcp://127.0.0.1:5555", "address of the channel")
	keys := flag.String("keys", "keys.json", "JWK Set of the router, as `headgate key export` writes it")
	channel := flag.String("channel", "commands", "name of the channel")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := consumer.New(consumer.Options{
		Connect: []string{*connect},
		Channel: *channel,
		Keys:    consumer.KeysFromFile(*keys),
		Log:     slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Run(ctx, act); err != nil {
		log.Fatal(err)
	}
}

// act does the work. An error has the router deliver the event again.
func act(_ context.Context, d *delivery.Delivery) (result any, err error) {
	fmt.Println("done", d.Event.Type, d.Event.ID, "attempt", d.Header.Attempt)
	return nil, nil
}
