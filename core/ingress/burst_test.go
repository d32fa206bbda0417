package ingress_test

import (
	"fmt"
	"testing"

	"github.com/headgate-io/headgate/core/ingress"
)

// TestBurstIsAnsweredToItsEnd: who sends far more at once than is worked on, and
// reads, gets an answer to each.
func TestBurstIsAnsweredToItsEnd(t *testing.T) {
	d := openZMQ(t, func(o *ingress.ZMQOptions) { o.Limits.Requests = 4096 })
	const n = 2000
	statuses := make(map[int]int)
	read := make(chan struct{})
	ctx := soon(t)
	go func() {
		defer close(read)
		for range n {
			got, err := d.dealer.Recv(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			statuses[inHTTP(t, got.Frames[1]).status]++
		}
	}()
	for i := range n {
		id := fmt.Sprintf("order-%d", i)
		req := d.signed(id, order(id))
		send(t, d.dealer, []byte(id), headersOf(t, req.Header), bodyOf(t, req))
	}
	<-read
	if statuses[202]+statuses[503] != n {
		t.Errorf("answered %v", statuses)
	}
}
