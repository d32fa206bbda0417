package delivery_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/headgate-io/headgate/sdk/delivery"
)

func TestHeaderTimeIsUTCInMilliseconds(t *testing.T) {
	east := time.FixedZone("east", 2*60*60)
	for _, accepted := range []time.Time{
		now, now.Add(7 * time.Millisecond), now.Add(70 * time.Millisecond), now.Add(time.Second - time.Nanosecond),
		time.Date(2027, 1, 1, 1, 0, 0, 123_999_999, east), {},
	} {
		h := delivery.Header{Accepted: accepted}
		want := `"accepted":"` + accepted.UTC().Format("2006-01-02T15:04:05.000Z") + `"`
		if got := string(h.Append(nil)); !strings.Contains(got, want) {
			t.Errorf("%v: no %s in %s", accepted, want, got)
		}
	}
}

// transformed is a delivery of an event that went through two transforms, with
// its original.
func transformed(t *testing.T) [][]byte {
	t.Helper()
	s := delivery.NewSigner(testKey)
	original := unsigned(s.KeyID(), 0, nil)[delivery.FrameEvent]
	frames := unsigned(s.KeyID(), 0, func(h *delivery.Header) {
		h.Transforms = []delivery.Transform{{Name: "mask", Version: "1.0.0"}, {Name: "totals", Version: "0.2.0"}}
		h.In = fmt.Sprintf("sha256:%x", sha256.Sum256(original))
	})
	frames[delivery.FrameEvent] = bytes.Replace(original, []byte(`{"n":0}`), []byte(`{"n":"***"}`), 1)
	frames[delivery.FrameOriginal] = original
	if err := s.Sign([][][]byte{frames}); err != nil {
		t.Fatal(err)
	}
	return frames
}

func TestATransformedDeliveryOpens(t *testing.T) {
	d, err := delivery.NewVerifier(keys(testKey), "commands").Open(transformed(t), now)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Header.Transforms) != 2 || string(d.Event.Data) != `{"n":"***"}` || d.Header.In != fmt.Sprintf("sha256:%x", sha256.Sum256(d.Original)) {
		t.Errorf("read as %+v", d)
	}
}

func TestHeaderNamesItsTransforms(t *testing.T) {
	h := delivery.Header{Accepted: now, Transforms: []delivery.Transform{{Name: "mask", Version: "1.0.0"}, {Name: "j\"q", Version: ""}}, In: "sha256:00", KeyID: "k"}
	text := h.Append(nil)
	if want := `"transforms":[{"name":"mask","version":"1.0.0"},{"name":"j\"q","version":""}],"in":"sha256:00","kid":"k"}`; !strings.HasSuffix(string(text), want) {
		t.Errorf("%s does not end in %s", text, want)
	}
	h.Version = delivery.Version
	if got, err := delivery.ParseHeader(h.Append(nil)); err != nil || !reflect.DeepEqual(got.Transforms, h.Transforms) || got.In != h.In {
		t.Errorf("%v: read as %+v", err, got)
	}
}

func FuzzHeaderAppend(f *testing.F) {
	for _, s := range []string{"", "1", "a\"b\\c", "\x00\x1f\x7f", "é\U0001f600\ufffd", "a\xff\xed\xa0\x80\"\xc3", "\\\\\"\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		var got struct{ ID, Source string }
		h := delivery.Header{ID: id, Source: id + "/", Transforms: []delivery.Transform{{Name: id, Version: id}}, In: id}
		text := h.Append(nil)
		if err := json.Unmarshal(text, &got); err != nil || !utf8.Valid(text) {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		if want := string([]rune(id)); got.ID != want || got.Source != string([]rune(id+"/")) { // invalid bytes become U+FFFD each
			t.Fatalf("%q is read as %q", id, got.ID)
		}
	})
}
