package mask_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzMask compares the splicing with a second reading of the same rules: every
// value of the data by its place, by the standard library's tokens.
func FuzzMask(f *testing.F) {
	for _, s := range []struct{ data, a, b string }{
		{`{"card":{"number":"4111","x":[1.10]}}`, "card", "number"},
		{` [ {"a": "}{" , "b":null}, {"\u0061":1e-3, "a":[[]]}, "a" ] `, "[*]", "a"},
		{`{"a":{"[*]":{}},"a":[true,false]}`, "a", "[*]"},
		{`{"0":[0],"":"\"\\"}`, "0", "0"},
		{`[[[1],2],{"b":[{}]}]`, "[*]", "[*]"},
		{`"a"`, "a", "b"},
	} {
		f.Add([]byte(s.data), s.a, s.b, false)
		f.Add([]byte(s.data), s.a, s.b, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, a, b string, wide bool) {
		a, b = plain(a), plain(b)
		fields := [][]string{{a, b}, {"[*]", b, "[*]"}, {"z", a}}
		if wide {
			fields = append(fields, []string{b})
		}
		tr := open(t, config(fields))
		got := after(t, tr, string(data))
		want, ok := expected(data, fields)
		if !ok {
			if got != "failed: data is not JSON, so it cannot be masked" {
				t.Fatalf("%q is no JSON, and became %s", data, got)
			}
			return
		}
		if got != want {
			t.Fatalf("%v of %s:\n got %s\nwant %s", fields, data, got, want)
		}
		if again := after(t, tr, got); again != got {
			t.Fatalf("a second masking made %s of %s", again, got)
		}
	})
}

// FuzzMaskTwice shows that masking twice is masking once, whatever stays.
func FuzzMaskTwice(f *testing.F) {
	f.Add("4111111111111111", "***", uint8(4))
	f.Add("**", "*****", uint8(4))
	f.Add("aaaa", "a", uint8(2))
	f.Add("\ufffd\xff", "ä", uint8(1))
	f.Fuzz(func(t *testing.T, value, with string, keep uint8) {
		w, _ := json.Marshal("*" + with)
		v, _ := json.Marshal(value)
		kept := int(keep % 17)
		tr := open(t, `{"fields":["/data/a"],"with":`+string(w)+`,"keep_last":`+strconv.Itoa(kept)+`}`)
		once := after(t, tr, `{"a":`+string(v)+`}`)
		if twice := after(t, tr, once); twice != once {
			t.Fatalf("%s, then %s", once, twice)
		}
		var data struct{ A string }
		if err := json.Unmarshal([]byte(once), &data); err != nil {
			t.Fatal(err)
		}
		var mask string
		_ = json.Unmarshal(w, &mask)
		if n := len([]rune(data.A)) - len([]rune(mask)); n != 0 && n != kept || data.A[:len(mask)] != mask {
			t.Fatalf("%s shows %d characters, not %d", once, n, kept)
		}
	})
}

// plain keeps a name that a pointer takes as one step.
func plain(name string) string {
	if name == "[*]" {
		return name
	}
	keep := func(r rune) rune {
		if r == '/' || r == '~' || r == '*' || r == '\ufffd' {
			return -1
		}
		return r
	}
	return strings.Map(keep, name)
}

func config(fields [][]string) string {
	pointers := make([]string, len(fields))
	for i, f := range fields {
		pointers[i] = "/data"
		for _, step := range f {
			pointers[i] += "/" + step
		}
	}
	text, _ := json.Marshal(map[string]any{"fields": pointers})
	return string(text)
}

// expected masks data by the places that the standard library's tokens have.
func expected(data []byte, fields [][]string) (string, bool) {
	if !json.Valid(data) || !utf8.Valid(data) {
		return "", false
	}
	o := oracle{data: data, d: json.NewDecoder(bytes.NewReader(data)), fields: fields}
	o.d.UseNumber()
	o.value(nil)
	slices.SortFunc(o.masked, func(a, b span) int { return a.start - b.start })
	var out []byte
	copied := 0
	for _, m := range o.masked {
		if m.start < copied {
			continue // within one that is masked whole
		}
		out = append(append(out, data[copied:m.start]...), `"***"`...)
		copied = m.end
	}
	return string(append(out, data[copied:]...)), true
}

type oracle struct {
	data   []byte
	d      *json.Decoder
	fields [][]string
	masked []span
}

type span struct{ start, end int }

func (o *oracle) value(place []string) {
	start := int(o.d.InputOffset())
	for bytes.IndexByte([]byte(" \t\r\n,:"), o.data[start]) >= 0 {
		start++
	}
	token, _ := o.d.Token()
	switch token {
	case json.Delim('{'):
		for o.d.More() {
			name, _ := o.d.Token()
			o.value(append(slices.Clone(place), name.(string)))
		}
		_, _ = o.d.Token()
	case json.Delim('['):
		for i := 0; o.d.More(); i++ {
			o.value(append(slices.Clone(place), strconv.Itoa(i)))
		}
		_, _ = o.d.Token()
	}
	for _, field := range o.fields {
		if slices.EqualFunc(field, place, func(step, name string) bool { return step == "[*]" || step == name }) {
			o.masked = append(o.masked, span{start, int(o.d.InputOffset())})
		}
	}
}
