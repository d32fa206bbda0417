package ingress_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/intake"
)

// lenient accepts everything and keeps what was submitted last.
type lenient struct {
	admitting
	last *intake.Submission
}

func (l lenient) Accept(_ context.Context, s intake.Submission) (intake.Receipt, error) {
	*l.last = s
	return intake.Receipt{Results: []intake.Result{{Status: intake.Queued}}}, nil
}

// FuzzRequest splits text at line feeds into frames. Whatever they are, there
// is at most one answer, it begins as the request did, and what was submitted
// is what encoding/json reads, too.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{"id\n" + goodHeaders + "\nbody", "\nid\n" + goodHeaders + "\nbody", "\n" + goodHeaders + "\n", "id\n{}\n", "id", "", "\n\n\n\n\n",
		`id` + "\n" + `{"content-type":"application/cloudevents+json","webhook-id":"a","webhook-i\u0064":"b"}` + "\nbody",
		`id` + "\n" + `{"content-type":"application/cloudevents-batch+json; charset=utf-8","prefer":"wait=3"}` + "\n[]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		frames := bytes.Split(text, []byte("\n"))
		var last intake.Submission
		z, to, stop := fakeDoor(t, lenient{last: &last}, zmqLimits())
		from := newSender(1, 2)
		to <- taken{frames: frames, from: from}
		stop()
		c := z.Counts()
		if c.Requests != 1 || c.Answers+c.Dropped != 1 || len(from.sent) != int(c.Answers) || from.wasCut() {
			t.Fatalf("counts are %+v, %d answers, cut %v", c, len(from.sent), from.wasCut())
		}
		if c.Dropped == 1 {
			return
		}
		got := <-from.sent
		for i, frame := range got[:len(got)-1] {
			if !bytes.Equal(frame, frames[i]) {
				t.Fatalf("answered with %q", got)
			}
		}
		if !json.Valid(got[len(got)-1]) {
			t.Fatalf("%q is no JSON", got)
		}
		if last.RequestID == "" {
			return
		}
		if !bytes.Equal(last.Body, frames[len(frames)-1]) {
			t.Fatalf("submitted %q of %q", last.Body, frames)
		}
		var headers map[string]string
		if err := json.Unmarshal(frames[len(frames)-2], &headers); err != nil {
			t.Fatalf("taken: %v", err)
		}
		for name, values := range map[string][]string{"webhook-id": last.Credential.WebhookID, "headgate-key-id": last.Credential.KeyID, "authorization": last.Credential.Authorization} {
			if value, there := headers[name]; there != (len(values) == 1) || len(values) > 1 || strings.Join(values, "") != value {
				t.Fatalf("%s is %q of %q", name, values, headers)
			}
		}
	})
}
