package delivery_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/headgate-io/headgate/sdk/delivery"
)

func TestParseReplies(t *testing.T) {
	for _, c := range []struct {
		name, frame string
		good        int
		bad         bool
	}{
		{"done", reply(`"status":"done"`), 1, false},
		{"done with result", reply(`"status":"done","result":{"n":1}`), 1, false},
		{"progress", reply(`"status":"progress"`), 1, false},
		{"retry", reply(`"status":"retry","retry_after":1.5`), 1, false},
		{"failed", reply(`"status":"failed","reason":"no such order"`), 1, false},
		{"goodbye alone", `{"goodbye":true}`, 1, false},
		{"goodbye with a lease", reply(`"goodbye":true`), 1, false},
		{"two", "[" + reply(`"status":"done"`) + "," + reply(`"status":"done"`) + "]", 2, false},
		{"one of two is bad", "[" + reply(`"status":"done"`) + "," + reply(`"status":"gone"`) + "]", 1, true},
		{"white space before an array", " \n[" + reply(`"status":"done"`) + "]", 1, false},
		{"member of a later version", reply(`"status":"done","later":1`), 1, false},

		{"no status", reply(`"x":1`), 0, true},
		{"another status", reply(`"status":"DONE"`), 0, true},
		{"no id", `{"source":"/a","lease":"` + someLease + `","status":"done"}`, 0, true},
		{"no lease", `{"id":"1","source":"/a","status":"done"}`, 0, true},
		{"lease too short", `{"id":"1","source":"/a","lease":"AAAA","status":"done"}`, 0, true},
		{"lease in standard base64", `{"id":"1","source":"/a","lease":"++++++++++++++++++++AA","status":"done"}`, 0, true},
		{"lease with stray bits", `{"id":"1","source":"/a","lease":"AAAAAAAAAAAAAAAAAAAAAB","status":"done"}`, 0, true},
		{"lease with a line break", `{"id":"1","source":"/a","lease":"AAAAAAAAAAAAAAAAAAAAAA\n","status":"done"}`, 0, true},
		{"lease of 22 with line breaks", `{"id":"1","source":"/a","lease":"AAAAAAAAAAAAAAAAAAAA\n\n","status":"done"}`, 0, true},
		{"negative wait", reply(`"status":"retry","retry_after":-1`), 0, true},
		{"empty array", `[]`, 0, true},
		{"nothing", ``, 0, true},
		{"text", `done`, 0, true},
		{"too many", "[" + strings.Repeat("{},", delivery.MaxReplies) + "{}]", 0, true},
	} {
		got, err := delivery.ParseReplies([]byte(c.frame))
		if len(got) != c.good || (err != nil) != c.bad {
			t.Errorf("%s: %d replies, %v", c.name, len(got), err)
		}
		if err != nil && !errors.Is(err, delivery.ErrReply) {
			t.Errorf("%s: error of no kind: %v", c.name, err)
		}
	}
}

func TestLargeResultGoesAndTheReplyStays(t *testing.T) {
	got, err := delivery.ParseReplies([]byte(reply(`"status":"done","result":"` + strings.Repeat("x", delivery.MaxResult) + `"`)))
	if err != nil || len(got) != 1 || got[0].Status != delivery.StatusDone || got[0].Result != nil || got[0].Reason == "" {
		t.Errorf("got %d replies, %v", len(got), err)
	}
}

// Each refused reply stands alone, then between two good ones: what is wrong
// with it alone must not cost its neighbours, and text that is no JSON costs all.
func TestRefusedReplies(t *testing.T) {
	whole := reply(`"status":"done"`)
	for _, c := range []struct{ name, text, says string }{
		{"a number", `1`, "object"},
		{"an array in an array", `[` + whole + `]`, "object"},
		{"null", `null`, "object"},
		{"empty", `{}`, "id and source"},
		{"names in capitals", strings.ToUpper(whole), "id and source"},
		{"name with a space", reply(`"status ":"done"`), "status"},
		{"repeated status", reply(`"status":"failed","status":"done"`), "status is repeated"},
		{"repeated by escape", reply(`"status":"done","\u0069d":"2"`), "id is repeated"},
		{"repeated null", reply(`"status":"done","result":null,"result":1`), "result is repeated"},
		{"id is a number", `{"id":1,"source":"/a"}`, "id is not a string"},
		{"source is an object", `{"id":"1","source":{}}`, "source is not a string"},
		{"lease is a boolean", `{"id":"1","lease":true}`, "lease is not a string"},
		{"status is an array", reply(`"status":["done"]`), "status is not a string"},
		{"reason is a number", reply(`"status":"failed","reason":404`), "reason is not a string"},
		{"wait is a string", reply(`"status":"retry","retry_after":"5"`), "retry_after is not a number"},
		{"wait beyond a double", reply(`"status":"retry","retry_after":1e400`), "retry_after is not a number"},
		{"wait is negative", reply(`"status":"retry","retry_after":-0.5`), "negative"},
		{"goodbye is a string", `{"goodbye":"true"}`, "goodbye"},
		{"goodbye is a number", `{"goodbye":1}`, "goodbye"},
		{"no goodbye", `{"goodbye":false}`, "id and source"},
		{"goodbye with a lease and no id", `{"goodbye":true,"lease":"` + someLease + `"}`, "id and source"},
		{"invalid UTF-8 in the id", strings.Replace(whole, `"1"`, "\"\xff\"", 1), "UTF-8"},
		{"invalid UTF-8 in the result", reply("\"status\":\"done\",\"result\":\"\xc0\xaf\""), "UTF-8"},
		{"half a character in a member of a later version", reply("\"status\":\"done\",\"x\":\"\xed\xa0\x80\""), "UTF-8"},
	} {
		for _, f := range []struct {
			frame string
			good  int
		}{{c.text, 0}, {"[" + whole + "," + c.text + "," + whole + "]", 2}} {
			if f.good == 0 && c.text[0] == '[' {
				continue
			}
			got, err := delivery.ParseReplies([]byte(f.frame))
			if len(got) != f.good || !errors.Is(err, delivery.ErrReply) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %d replies of %s, %v", c.name, len(got), f.frame, err)
			}
		}
	}
}

func TestBrokenTextHoldsNoReply(t *testing.T) {
	whole := reply(`"status":"done"`)
	deep := func(n int) string {
		return reply(`"status":"done","result":` + strings.Repeat("[", n) + strings.Repeat("]", n))
	}
	if got, err := delivery.ParseReplies([]byte(deep(999))); len(got) != 1 || err != nil {
		t.Errorf("depth at the bound: %d replies, %v", len(got), err)
	}
	for _, c := range []struct{ name, text, says string }{
		{"too deep", deep(1000), "deeper"},
		{"far too deep", strings.Repeat(`{"result":[`, 1<<20), "deeper"},
		{"white space alone", " \n", "a value is expected"},
		{"cut in an object", whole[:len(whole)-1], "a comma or }"},
		{"cut in a string", whole[:8], "no end"},
		{"cut after a name", `{"id"`, "a colon"},
		{"cut after a colon", `{"id":`, "a value is expected"},
		{"cut after a comma", `{"goodbye":true,`, "a member name"},
		{"comma before the end", `{"goodbye":true,}`, "a member name"},
		{"two commas", `{"goodbye":true,,"id":"1"}`, "a member name"},
		{"name without quotes", `{goodbye:true}`, "a member name"},
		{"single quotes", `{'goodbye':true}`, "a member name"},
		{"no comma", `{"goodbye":true "id":"1"}`, "a comma or }"},
		{"no colon", `{"goodbye" true}`, "a colon"},
		{"bytes after", whole + whole, "bytes after"},
		{"a zero byte after", whole + "\x00", "bytes after"},
		{"comment", `{"goodbye":true}//`, "bytes after"},
		{"byte order mark", "\xef\xbb\xbf" + whole, "a value is expected"},
		{"raw newline in a string", "{\"id\":\"a\nb\"}", "control character"},
		{"the last control character", "{\"id\":\"\x1f\"}", "control character"},
		{"no such escape", `{"id":"\x41"}`, "no such escape"},
		{"three digits", `{"id":"\u123"}`, "four hexadecimal"},
		{"a letter too far", `{"id":"\u00g0"}`, "four hexadecimal"},
		{"a sign before digits", `{"id":"\u+041"}`, "four hexadecimal"},
		{"cut in an escape", `{"id":"\u12`, "four hexadecimal"},
		{"cut at an escape", `{"id":"\`, "no such escape"},
		{"leading zero", `{"x":01}`, "not a number"},
		{"leading plus", `{"x":+1}`, "a value is expected"},
		{"minus alone", `{"x":-}`, "not a number"},
		{"leading point", `{"x":.5}`, "a value is expected"},
		{"no digit after the point", `{"x":1.}`, "after the point"},
		{"no digit in the exponent", `{"x":1e+}`, "exponent"},
		{"NaN", `{"x":NaN}`, "a value is expected"},
		{"half a word", `{"goodbye":tru}`, "a value is expected"},
		{"closed by the other bracket", `{"x":[1}}`, "a comma or ]"},
	} {
		for _, frame := range []string{c.text, "[" + whole + "," + c.text} {
			got, err := delivery.ParseReplies([]byte(frame))
			if len(got) != 0 || !errors.Is(err, delivery.ErrReply) {
				t.Errorf("%s: %d replies, %v", c.name, len(got), err)
			}
			if frame == c.text && err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: the error is %v", c.name, err)
			}
		}
	}
	for _, frame := range []string{"[" + whole, "[" + whole + ",]", "[," + whole + "]", "[" + whole + "]]", "[" + whole + whole + "]"} {
		if got, err := delivery.ParseReplies([]byte(frame)); len(got) != 0 || err == nil {
			t.Errorf("%s: %d replies, %v", frame, len(got), err)
		}
	}
}

func TestReplyIsReadWhole(t *testing.T) {
	frame := []byte(` {"later":{"id":"2","id":[{}, 1e5]},"\u0069d":"1","source":"\/a\u00e9\ud83d\ude00","lease":"` + someLease + `",` +
		`"status":"done","retry_after":1.5e1,"reason":"\"\\\b\f\n\r\t\ud83d.","result": {"n": 18446744073709551616, "n":"\ud800"} ,"goodbye":null} `)
	want := delivery.Reply{ID: "1", Source: "/aé\U0001f600", Lease: someLease, Status: delivery.StatusDone, RetryAfter: 15,
		Reason: "\"\\\b\f\n\r\t\ufffd.", Result: json.RawMessage(`{"n": 18446744073709551616, "n":"\ud800"}`)}
	got, err := delivery.ParseReplies(frame)
	for i := range frame {
		frame[i] = 'x' // the caller may use it again
	}
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestNullIsAbsent(t *testing.T) {
	got, err := delivery.ParseReplies([]byte(`{"id":null,"source":null,"lease":null,"status":null,"retry_after":null,"reason":null,"goodbye":true}`))
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], delivery.Reply{Goodbye: true}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBoundsOfReplies(t *testing.T) {
	for _, c := range []struct{ said, kept string }{
		{strings.Repeat("x", delivery.MaxReason), strings.Repeat("x", delivery.MaxReason)},
		{strings.Repeat("x", delivery.MaxReason+1), strings.Repeat("x", delivery.MaxReason)},
		{strings.Repeat("x", delivery.MaxReason-1) + "é", strings.Repeat("x", delivery.MaxReason-1)}, // no half of it
	} {
		got, err := delivery.ParseReplies([]byte(reply(`"status":"failed","reason":"` + c.said + `"`)))
		if err != nil || len(got) != 1 || got[0].Reason != c.kept {
			t.Errorf("a reason of %d bytes: %v", len(c.said), err)
		}
	}
	largest := `"` + strings.Repeat("x", delivery.MaxResult-2) + `"`
	got, err := delivery.ParseReplies([]byte(reply(`"status":"done","result":` + largest)))
	if err != nil || len(got) != 1 || string(got[0].Result) != largest {
		t.Errorf("the largest result: %v", err)
	}
	whole := reply(`"status":"done"`)
	got, err = delivery.ParseReplies([]byte("[" + strings.Repeat(whole+",", delivery.MaxReplies-1) + whole + "]"))
	if err != nil || len(got) != delivery.MaxReplies {
		t.Errorf("the largest array: %d replies, %v", len(got), err)
	}
	got, err = delivery.ParseReplies([]byte("[" + strings.Repeat(whole+",", delivery.MaxReplies) + whole + "]"))
	if !errors.Is(err, delivery.ErrReply) || len(got) != 0 {
		t.Errorf("one too many: %d replies, %v", len(got), err)
	}
}

// plainly reads a frame by the same rules on top of encoding/json, and counts
// what it refuses.
func plainly(frame []byte) (good []delivery.Reply, bad int) {
	texts := []json.RawMessage{frame}
	if trimmed := bytes.TrimLeft(frame, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		texts = nil
		if json.Unmarshal(frame, &texts) != nil {
			return nil, 1
		}
	}
	if !json.Valid(frame) || len(texts) == 0 || len(texts) > delivery.MaxReplies {
		return nil, 1
	}
	for _, text := range texts {
		if r, ok := plainlyOne(text); ok {
			good = append(good, r)
		} else {
			bad++
		}
	}
	return good, bad
}

func plainlyOne(text []byte) (r delivery.Reply, ok bool) {
	if !utf8.Valid(text) {
		return r, false
	}
	into := map[string]any{"id": &r.ID, "source": &r.Source, "lease": &r.Lease, "status": &r.Status,
		"retry_after": &r.RetryAfter, "reason": &r.Reason, "result": &r.Result, "goodbye": &r.Goodbye}
	members := json.NewDecoder(bytes.NewReader(text))
	if open, err := members.Token(); err != nil || open != json.Delim('{') {
		return r, false
	}
	seen := map[string]bool{}
	for members.More() {
		token, _ := members.Token()
		var value json.RawMessage
		if members.Decode(&value) != nil {
			return r, false
		}
		name := token.(string)
		if into[name] == nil {
			continue
		}
		if seen[name] || json.Unmarshal(value, into[name]) != nil {
			return r, false
		}
		seen[name] = true
	}
	leased := len(r.Lease) == 22 && strings.Trim(r.Lease, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == "" &&
		strings.ContainsRune("AQgw", rune(r.Lease[21]))
	switch {
	case r.Status == "":
		ok = r.Goodbye && (r.Lease == "" || leased && r.ID != "" && r.Source != "")
	case r.Status == "done" || r.Status == "progress" || r.Status == "retry" || r.Status == "failed":
		ok = leased && r.ID != "" && r.Source != "" && r.RetryAfter >= 0
	}
	if len(r.Reason) > delivery.MaxReason {
		r.Reason = strings.ToValidUTF8(r.Reason[:delivery.MaxReason], "")
	}
	return r, ok
}

// FuzzParseReplies holds the one scan against encoding/json, both ways.
func FuzzParseReplies(f *testing.F) {
	for _, frame := range []string{
		reply(`"status":"done"`), `[{"goodbye":true},{}]`, `{}`, `null`, "[" + reply(`"status":"done","result":{"a":[1,-2.5e3,"\u00e9\ud83d\ude00",null,true,false]}`) + "]",
		reply(`"status":"retry","retry_after":90,"reason":"till is \"offline\"\n"`), reply(`"status":"done","ID":"2","\u0069d":"3"`),
		reply(`"goodbye":true,"status":""`), reply(`"status":"done","result":null`), " [\t" + reply(`"status":"failed"`) + " ,\r\n1 ] ",
		reply("\"status\":\"done\",\"x\":\"\xff\""), reply(`"status":"failed","reason":"\ud800\u0041\udc00"`),
	} {
		f.Add([]byte(frame))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if bytes.Count(frame, []byte("["))+bytes.Count(frame, []byte("{")) > 1000 || len(frame) > delivery.MaxResult {
			return // beyond a bound of ours
		}
		got, err := delivery.ParseReplies(frame)
		refused := 0
		if err != nil {
			refused = len(err.(interface{ Unwrap() []error }).Unwrap())
		}
		want, bad := plainly(frame)
		if refused != bad || len(got) != len(want) {
			t.Fatalf("%d replies, %d refused (%v); encoding/json reads %d, %d", len(got), refused, err, len(want), bad)
		}
		for i := range got {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("got %+v\nencoding/json reads %+v", got[i], want[i])
			}
			if d := got[i].Delay(); d < 0 || d > delivery.MaxRetryAfter {
				t.Fatalf("delay %v", d)
			}
		}
	})
}
