package producer_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/headgate-io/headgate/sdk/producer"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func Example() {
	secret, err := webhook.ParseSecret("whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := webhook.NewHMACSigner(secret)
	if err != nil {
		log.Fatal(err)
	}
	p, err := producer.New(producer.Options{Connect: []string{"tcp://127.0.0.1:5556"}, KeyID: "till-1", Signer: signer})
	if err != nil {
		log.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()

	answer, err := p.Send(ctx, []byte(`{"specversion":"1.0","id":"order-1","source":"//shop.example/till","type":"com.example.order.created","data":{"amount":12.5}}`))
	var refused *producer.Refused
	switch {
	case errors.As(err, &refused):
		fmt.Println("the router does not take it:", refused.Answer.Code)
	case err != nil:
		fmt.Println("send it again:", err)
	default:
		fmt.Println(answer.Status, answer.ID)
	}
	end()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
}
