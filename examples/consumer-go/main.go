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
	"strings"
	"syscall"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

func main() {
	connect := flag.String("connect", "tcp://127.0.0.1:5555", "address of the channel")
	keys := flag.String("keys", "keys.json", "JWK Set of the router: a `file` of headgate key export, or https://ROUTER/.well-known/jwks.json")
	producers := flag.String("producers", "", "`file` of producers' keys by source: take only events that they have signed themselves")
	channel := flag.String("channel", "commands", "name of the channel")
	server := flag.String("curve-server", "", "public CURVE `key` of the router; empty for plain ZeroMQ")
	own := flag.String("curve-key", "", "`file` of the own secret CURVE key")
	flag.Parse()
	security, err := secure(*server, *own)
	if err != nil {
		log.Fatal(err)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := consumer.Options{
		Connect:  []string{*connect},
		Channel:  *channel,
		Keys:     source(*keys),
		Security: security,
		Log:      slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	if *producers != "" {
		o.Producers = consumer.ProducersFromFile(*producers)
	}
	c, err := consumer.New(o)
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Run(ctx, act); err != nil {
		log.Fatal(err)
	}
}

// source is where the router's keys come from.
func source(keys string) consumer.KeySource {
	if strings.HasPrefix(keys, "https://") || strings.HasPrefix(keys, "http://") {
		return consumer.KeysFromURL(keys)
	}
	return consumer.KeysFromFile(keys)
}

// secure is CURVE towards the router that has the public key server.
func secure(server, own string) (zmq.Security, error) {
	if server == "" {
		return zmq.Security{}, nil
	}
	public, err := curve.ParsePublic(server)
	if err != nil {
		return zmq.Security{}, err
	}
	text, err := os.ReadFile(own)
	if err != nil {
		return zmq.Security{}, err
	}
	secret, err := curve.ParseSecret(strings.Split(string(text), "\n")[0])
	if err != nil {
		return zmq.Security{}, err
	}
	return zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{secret}, Server: public}}, nil
}

// act does the work. An error has the router deliver the event again.
func act(_ context.Context, d *delivery.Delivery) (result any, err error) {
	fmt.Println("done", d.Event.Type, d.Event.ID, "attempt", d.Header.Attempt)
	return nil, nil
}
