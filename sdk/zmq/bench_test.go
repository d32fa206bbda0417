package zmq_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// BenchmarkPushPull is the time per message over loopback TCP, one connection.
func BenchmarkPushPull(b *testing.B) {
	for _, size := range []int{64, 512, 4096} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			push, pull := zmq.NewPush(zmq.Options{}), zmq.NewPull(zmq.Options{})
			connect(b, push, listen(b, pull))
			stopPull := run(b, pull)
			stopPush := run(b, push)
			defer stopPull()
			defer stopPush()
			frames := zmq.Frames{bytes.Repeat([]byte("x"), size)}
			sent := make(chan error, 1)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			go func() {
				for range b.N {
					if err := push.Send(context.Background(), frames); err != nil {
						sent <- err
						return
					}
				}
				sent <- nil
			}()
			for range b.N {
				if _, err := pull.Recv(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			if err := <-sent; err != nil {
				b.Fatal(err)
			}
		})
	}
}
