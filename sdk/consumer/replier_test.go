package consumer_test

import (
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

func replyOf(n int) delivery.Reply {
	return delivery.Reply{ID: id(n), Source: "//shop.example/till", Lease: lease(n, 1), Status: delivery.StatusDone}
}

func TestRepliesThatWaitShareAFrameAndGoodbyeDoesNot(t *testing.T) {
	r := newRouter(t)
	unsent, err := consumer.SendReplies(r.reply, []delivery.Reply{replyOf(1), replyOf(2), replyOf(3), {Goodbye: true}})
	if err != nil || unsent != 0 {
		t.Fatalf("%d unsent, %v", unsent, err)
	}
	for _, beginning := range []string{`[{"id":"order-1"`, `{"goodbye":true}`} {
		if frame := string(<-r.frames); !strings.HasPrefix(frame, beginning) {
			t.Errorf("frame is %s", frame)
		}
	}
	r.silent()
}

func TestFramesOfRepliesAreBounded(t *testing.T) {
	r := newRouter(t)
	var replies []delivery.Reply
	for n := range 50 {
		reply := replyOf(n)
		reply.Result = []byte(`"` + strings.Repeat("x", 30<<10) + `"`)
		replies = append(replies, reply)
	}
	if unsent, err := consumer.SendReplies(r.reply, replies); err != nil || unsent != 0 {
		t.Fatalf("%d unsent, %v", unsent, err)
	}
	for taken := 0; taken < len(replies); {
		frame := <-r.frames
		if len(frame) > consumer.FrameBytes+delivery.MaxResult {
			t.Errorf("a frame of %d bytes", len(frame))
		}
		got, err := delivery.ParseReplies(frame)
		if err != nil {
			t.Fatal(err)
		}
		for _, reply := range got {
			if reply.ID != id(taken) {
				t.Fatalf("%s comes as number %d", reply.ID, taken)
			}
			taken++
		}
	}
}

func TestProgressLeavesRoomForWhatCounts(t *testing.T) {
	r := newRouter(t)
	progress := replyOf(0)
	progress.Status = delivery.StatusProgress
	var replies []delivery.Reply
	for range 2 * consumer.MaxQueued {
		replies = append(replies, progress)
	}
	for n := range consumer.MaxQueued {
		replies = append(replies, replyOf(n))
	}
	unsent, err := consumer.SendReplies(r.reply, replies)
	if err != nil {
		t.Fatal(err)
	}
	room := consumer.MaxQueued - (consumer.MaxQueued/2 + 1)
	if want := uint64(consumer.MaxQueued - room); unsent != want {
		t.Errorf("%d unsent, want %d", unsent, want)
	}
	for n := range room {
		r.expect(n, 1, "done")
	}
}
