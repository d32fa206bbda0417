package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// deliveries makes batches of deliveries of one event.
type deliveries struct {
	signer   *delivery.Signer
	lease    []byte
	event    []byte
	accepted time.Time
	seq      uint64
}

func newDeliveries() (*deliveries, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("delivery key: %w", err)
	}
	lease := make([]byte, 32)
	_, _ = rand.Read(lease) // never fails (crypto/rand, Go 1.24)
	return &deliveries{signer: delivery.NewSigner(key), lease: lease, event: newEvent("bench-1", commanded), accepted: time.Now()}, nil
}

// next gives n deliveries, made the way a command channel makes them.
func (d *deliveries) next(n int) ([][][]byte, error) {
	batch := make([][][]byte, n)
	for i := range batch {
		d.seq++
		h := delivery.Header{ID: "bench-1", Source: source, Channel: "commands", Seq: d.seq, Attempt: 1,
			Lease: delivery.NewLeases(d.lease).Lease(delivery.Grant{Channel: "commands", Seq: d.seq, Attempt: 1}),
			Reply: "tcp://127.0.0.1:5557", Accepted: d.accepted, Expires: d.accepted.Unix() + 600,
			Principal: &sdk.Principal{Provider: "edge-keys", Subject: "edge"}, Proof: &sdk.Proof{Transport: "hmac"}, KeyID: d.signer.KeyID()}
		batch[i] = [][]byte{[]byte(commanded), h.Append(make([]byte, 0, 512)), d.event, nil, nil}
	}
	return batch, d.signer.Sign(batch)
}

// sizes gives the frame sizes of a signed delivery of a full batch.
func (d *deliveries) sizes() (string, error) {
	batch, err := d.next(delivery.MaxBatch)
	if err != nil {
		return "", err
	}
	var out []string
	for _, frame := range batch[0] {
		out = append(out, strconv.Itoa(len(frame)))
	}
	return strings.Join(out, ","), nil
}
