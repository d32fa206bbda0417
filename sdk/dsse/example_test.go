package dsse_test

import (
	"crypto/ed25519"
	"fmt"
	"log"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
)

func Example() {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	signer, err := dsse.NewSigner("till-1", private, "priority")
	if err != nil {
		log.Fatal(err)
	}
	ring, err := dsse.NewKeyring(dsse.SourceKeys{Source: "//shop.example/**", Keys: []dsse.Key{{ID: "till-1", Public: public}}})
	if err != nil {
		log.Fatal(err)
	}

	event, err := sdk.ParseEvent([]byte(`{"specversion":"1.0","id":"order-1","source":"//shop.example/till","type":"com.example.order.created","priority":"high","note":"x"}`))
	if err != nil {
		log.Fatal(err)
	}
	signed, err := signer.Sign(&event)
	if err != nil {
		log.Fatal(err)
	}

	verified, err := ring.Verify(&signed)
	if err != nil {
		log.Fatal(err)
	}
	kept, err := verified.Only(&signed)
	if err != nil {
		log.Fatal(err)
	}
	_, note := kept.Extension("note")
	fmt.Println(verified.KeyID, verified.Extensions, note)
	// Output: till-1 [priority] false
}
