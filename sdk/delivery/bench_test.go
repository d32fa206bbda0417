package delivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

func BenchmarkParseReplies(b *testing.B) {
	done := `{"id":"0199aa10-7c2b-7d4e-9f00-3a52c1d0e001","source":"//shop.example/till","lease":"` + someLease + `","status":"done"}`
	for _, c := range []struct{ name, frame string }{
		{"done", done},
		{"result", strings.Replace(done, `"done"`, `"done","result":{"total":3,"items":[{"sku":"a-1","n":2},{"sku":"b-2","n":1}]}`, 1)},
		{"escaped", strings.Replace(done, `//`, `\/\/`, 1)},
		{"batch100", "[" + strings.Repeat(done+",", 99) + done + "]"},
	} {
		frame := []byte(c.frame)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := delivery.ParseReplies(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHeaderAppend(b *testing.B) {
	h := delivery.Header{
		ID: "0199aa10-7c2b-7d4e-9f00-3a52c1d0e001", Source: "//shop.example/till", Channel: "commands",
		Seq: 123456, Attempt: 1, Lease: someLease, Reply: "tcp://127.0.0.1:5557", Accepted: now, Expires: now.Add(time.Hour).Unix(),
		Principal:   &sdk.Principal{Provider: "edge-keys", Subject: "shop-worker"},
		Proof:       &sdk.Proof{Transport: "hmac"},
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", KeyID: "0123456789abcdef",
	}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = h.Append(buf[:0])
	}
}

func BenchmarkParseHeader(b *testing.B) {
	frame := batch(b, 1)[0][delivery.FrameHeader]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := delivery.ParseHeader(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLease(b *testing.B) {
	leases := delivery.NewLeases(seed)
	b.ReportAllocs()
	for b.Loop() {
		leases.Lease(delivery.Grant{Channel: "commands", Seq: 123456, Attempt: 1})
	}
}
