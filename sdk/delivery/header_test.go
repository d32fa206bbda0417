package delivery_test

import (
	"encoding/json"
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

func FuzzHeaderAppend(f *testing.F) {
	for _, s := range []string{"", "1", "a\"b\\c", "\x00\x1f\x7f", "é\U0001f600\ufffd", "a\xff\xed\xa0\x80\"\xc3", "\\\\\"\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		var got struct{ ID, Source string }
		h := delivery.Header{ID: id, Source: id + "/"}
		text := h.Append(nil)
		if err := json.Unmarshal(text, &got); err != nil || !utf8.Valid(text) {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		if want := string([]rune(id)); got.ID != want || got.Source != string([]rune(id+"/")) { // invalid bytes become U+FFFD each
			t.Fatalf("%q is read as %q", id, got.ID)
		}
	})
}
