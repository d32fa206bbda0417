package consumer_test

import (
	"context"
	"fmt"
	"log"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

func Example() {
	c, err := consumer.New(consumer.Options{Connect: []string{"tcp://127.0.0.1:5555"}, Channel: "commands", Keys: consumer.KeysFromFile("keys.json")})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(c.Run(context.Background(), func(ctx context.Context, d *delivery.Delivery) (any, error) {
		fmt.Println("done", d.Event.Type, d.Event.ID, "attempt", d.Header.Attempt)
		return nil, nil
	}))
}
