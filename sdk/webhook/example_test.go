package webhook_test

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/headgate-io/headgate/sdk/webhook"
)

func ExampleSigner() {
	secret, err := webhook.ParseSecret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := webhook.NewHMACSigner(secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	body := []byte(`{"specversion":"1.0","id":"order-1","source":"//shop.example/till","type":"com.example.order.created"}`)
	now := time.Unix(1767225600, 0) // time.Now() outside an example

	req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:8080/v1/events", bytes.NewReader(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("content-type", "application/cloudevents+json")
	req.Header.Set(webhook.HeaderKeyID, "edge-1")
	req.Header.Set(webhook.HeaderID, "order-1")
	req.Header.Set(webhook.HeaderTimestamp, webhook.Timestamp(now))
	req.Header.Set(webhook.HeaderSignature, signer.Sign("order-1", now, body))
	fmt.Println(req.Header.Get(webhook.HeaderSignature))
	// Output: v1,qozCbrnarTIjh+EgwqJEoXiIvR0hrlxfeEJlhuQDyOA=
}
