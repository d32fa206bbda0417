package dsse_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/dsse"
)

type verdict struct{ name, event, outcome string }

// cases are events with the verdict that each has to have.
func cases(t testing.TB) []verdict {
	t.Helper()
	const ok = "ok"
	core, ext, no := string(dsse.CoreMismatch), string(dsse.ExtensionsMismatch), string(dsse.NoKey)
	bad, wrong, attrs := string(dsse.Malformed), string(dsse.SignatureMismatch), string(dsse.SignedAttributes)
	ec := func(raw string, extensions ...string) string {
		return signWith(t, "till-ec", es256(t, 1), raw, extensions...)
	}
	swap := func(raw, old, new string) string {
		t.Helper()
		if strings.Count(raw, old) != 1 {
			t.Fatalf("%s is not once in %s", old, raw)
		}
		return strings.Replace(raw, old, new, 1)
	}
	with := func(rest string) string { return `{` + head + rest + `}` }
	full := with(`,"subject":"till-7","time":"2026-11-22T10:00:00Z","datacontenttype":"application/json","dataschema":"/order.json","data":{"amount": 12.50}`)
	exts := with(`,"exta":"value1","extb":-7,"extc":true,"data":1`)
	payload := func(text string) func(core, ext string) string {
		return func(core, ext string) string { return strings.NewReplacer("CORE", core, "EXT", ext).Replace(text) }
	}
	of := func(f forged) string { return f.event(t, plain) }
	envelope := func(text string) string {
		return of(forged{envelope: func(payload, sig string) string {
			return strings.NewReplacer("PAYLOAD", payload, "TYPE", dsse.PayloadType, "SIG", sig).Replace(text)
		}})
	}
	list := []verdict{
		{"es256", ec(plain), ok},
		{"ed25519", signWith(t, "till-ed", ed(2), plain), ok},
		{"no data", ec(with(``)), ok},
		{"data null", ec(with(`,"data":null`)), ok},
		{"every core attribute", ec(full), ok},
		{"text data", ec(with(`,"datacontenttype":"text/plain","data":"h\u00e9 \"x\""`)), ok},
		{"text data, written otherwise", swap(ec(with(`,"datacontenttype":"text/plain","data":"h\u00e9"`)), `h\u00e9`, `hé`), ok},
		{"json text data keeps its quotes", ec(with(`,"data":"x"`)), ok},
		{"json suffix content type", ec(with(`,"datacontenttype":"application/vnd.x+json; charset=utf-8","data":"x"`)), ok},
		{"content type in capitals", ec(with(`,"datacontenttype":"Application/JSON","data":"x"`)), ok},
		{"binary data", ec(with(`,"datacontenttype":"application/octet-stream","data_base64":"8J+koQ=="`)), ok},
		{"data and data_base64 of the same bytes", swap(ec(with(`,"data":{"a":1}`)), `"data":{"a":1}`, `"data_base64":"eyJhIjoxfQ=="`), ok},
		{"white space and order of members", swap(ec(full), `{"specversion":"1.0",`, "{ \"specversion\" :\t\"1.0\" ,\n "), ok},
		{"by the second pattern of its source", signWith(t, "depot-2", ed(4), `{"specversion":"1.0","id":"1","source":"//depot.example/gate","type":"t"}`), ok},

		{"time in another zone", swap(ec(full), `2026-11-22T10:00:00Z`, `2026-11-22T11:30:00+01:30`), ok},
		{"time moved within its second", swap(ec(full), `2026-11-22T10:00:00Z`, `2026-11-22T10:00:00.999999999Z`), ok},
		{"time moved by a second", swap(ec(full), `2026-11-22T10:00:00Z`, `2026-11-22T10:00:01Z`), core},
		{"time moved to the second before", swap(ec(full), `2026-11-22T10:00:00Z`, `2026-11-22T09:59:59.999Z`), core},
		{"time before the era", swap(ec(with(`,"time":"0001-01-01T00:00:00Z"`)), `0001-01-01T00:00:00Z`, `0001-01-01T00:00:00+00:01`), core},
		{"year zero in its own zone", swap(ec(with(`,"time":"0001-01-01T00:00:00Z"`)), `0001-01-01T00:00:00Z`, `0000-12-31T23:59:00-00:01`), core},
		{"first second of the era", ec(with(`,"time":"0001-01-01T00:00:00Z"`)), ok},
		{"time with a comma", swap(ec(full), `10:00:00Z`, `10:00:00,5Z`), core},
		{"hour of one digit", swap(ec(with(`,"time":"2026-11-22T01:00:00Z"`)), `T01:`, `T1:`), core},
		{"time taken away", swap(ec(full), `"time":"2026-11-22T10:00:00Z",`, ``), core},
		{"time added", swap(ec(plain), `"type"`, `"time":"2026-11-22T10:00:00Z","type"`), core},

		{"other id", swap(ec(full), `"order-1"`, `"order-2"`), core},
		{"other source of the same key", swap(ec(full), `//shop.example/till`, `//shop.example/till-2`), core},
		{"other type", swap(ec(full), `order.created`, `order.deleted`), core},
		{"other subject", swap(ec(full), `till-7`, `till-8`), core},
		{"subject taken away", swap(ec(full), `"subject":"till-7",`, ``), core},
		{"other content type", swap(ec(full), `application/json`, `application/xml`), core},
		{"content type said", swap(ec(plain), `"type"`, `"datacontenttype":"application/json","type"`), core},
		{"other schema", swap(ec(full), `/order.json`, `/other.json`), core},
		{"other data", swap(ec(full), `12.50`, `12.51`), core},
		{"the same data written otherwise", swap(ec(full), `"amount": 12.50`, `"amount":12.50`), core},
		{"data taken away", swap(ec(full), `,"data":{"amount": 12.50}`, ``), core},
		{"attributes that flow together", swap(ec(with(`,"subject":"ab"`)), `"subject":"ab"`, `"dataschema":"a","subject":"b"`), core},
		{"data for an attribute", swap(ec(with(`,"subject":"1"`)), `"subject":"1"`, `"data":1`), core},

		{"signed extensions", ec(exts, "exta", "extb", "extc"), ok},
		{"signed extensions in another order", ec(exts, "extc", "exta", "extb"), ok},
		{"an extension that is not signed is dropped", ec(exts, "exta"), ok},
		{"none of the extensions is signed", ec(exts), ok},
		{"an extension was added", swap(ec(exts, "exta"), `"type"`, `"extd":"evil","type"`), ok},
		{"an extension that is not signed was changed", swap(ec(exts, "exta"), `-7`, `8`), ok},
		{"a signed extension was changed", swap(ec(exts, "exta", "extb"), `value1`, `value2`), ext},
		{"a signed integer was changed", swap(ec(exts, "extb"), `-7`, `7`), ext},
		{"a signed boolean was changed", swap(ec(exts, "extc"), `true`, `false`), ext},
		{"a signed extension was taken away", swap(ec(exts, "exta"), `"exta":"value1",`, ``), ext},
		{"two signed extensions changed places", swap(swap(ec(with(`,"exta":"1","extb":"2"`), "exta", "extb"), `"exta"`, `"extx"`), `"extb":"2","dss`, `"exta":"2","extb":"1","dss`), ext},
		{"an integer and its text look alike", swap(ec(exts, "extb"), `-7`, `"-7"`), ok},
		{"that an extension is absent is signed", ec(exts, "priority"), ok},
		{"that an extension is absent which some languages give every object", ec(exts, "constructor"), ok},
		{"a signed absence was filled", swap(ec(exts, "priority"), `"type"`, `"priority":"high","type"`), ext},
		{"absent and empty look alike", swap(ec(exts, "priority"), `"type"`, `"priority":"","type"`), ok},
		{"absent and null are alike", swap(ec(exts, "priority"), `"type"`, `"priority":null,"type"`), ok},

		{"no signature", plain, string(dsse.Absent)},
		{"signature empty", strings.TrimSuffix(plain, "}") + `,` + signed + `:""}`, string(dsse.Absent)},
		{"signature null", strings.TrimSuffix(plain, "}") + `,` + signed + `:null}`, string(dsse.Absent)},
		{"signature true", strings.TrimSuffix(plain, "}") + `,` + signed + `:true}`, bad},
		{"signature of another event", swap(ec(plain), `"order-1"`, `"order-9"`), core},

		{"keyid of another source's key", swap(signWith(t, "depot", es256(t, 3), swap(plain, `//shop.example/till`, `//depot.example/gate`)), `//depot.example/gate`, `//shop.example/till`), no},
		{"another source's key under its own id", signWith(t, "depot", es256(t, 3), plain), no},
		{"another source's key under this one's id", signWith(t, "till-ec", es256(t, 3), plain), wrong},
		{"keyid unknown", signWith(t, "till-9", es256(t, 1), plain), no},
		{"keyid of the other key of the source", signWith(t, "till-ed", es256(t, 1), plain), wrong},
		{"keyid empty", signWith(t, "", es256(t, 1), plain), ok},
		{"keyid absent", of(forged{envelope: envelopeOf(func(sig string) string { return `[{"sig":"` + sig + `"}]` })}), ok},
		{"keyid empty, and no key of the source", signWith(t, "", es256(t, 3), plain), wrong},
		{"source without keys", signWith(t, "till-ec", es256(t, 1), swap(plain, `//shop.example/till`, `//shop.example`)), no},
		{"source deeper than the pattern of its key", signWith(t, "depot", es256(t, 3), swap(plain, `//shop.example/till`, `//depot.example/a/b`)), no},

		{"built by hand", of(forged{}), ok},
		{"another version", of(forged{kind: strings.Replace(dsse.PayloadType, "v0.1", "v0.2", 1)}), string(dsse.WrongType)},
		{"type in capitals", of(forged{kind: strings.ToUpper(dsse.PayloadType)}), string(dsse.WrongType)},
		{"another type than was signed", of(forged{kind: "text/plain", envelope: envelopeOf(named("till-ec"))}), wrong},

		{"a bit of the signature", of(forged{sign: func(pae []byte) string { return flipped(t, rawES256(t, string(pae))) }}), wrong},
		{"r and n-s", of(forged{sign: func(pae []byte) string { return otherHalf(t, string(pae)) }}), ok},
		{"ASN.1", of(forged{sign: func(pae []byte) string { return der(t, string(pae)) }}), wrong},
		{"63 bytes", of(forged{sign: func(pae []byte) string { return resized(t, rawES256(t, string(pae)), -1) }}), wrong},
		{"65 bytes", of(forged{sign: func(pae []byte) string { return resized(t, rawES256(t, string(pae)), 1) }}), wrong},
		{"65 bytes, one of them a zero before s", of(forged{sign: func(pae []byte) string { return b64(slices.Insert(unb64(t, rawES256(t, string(pae))), 32, 0)) }}), wrong},
		{"no bytes", of(forged{sign: func([]byte) string { return "" }}), wrong},
		{"zeros", of(forged{sign: func([]byte) string { return b64(make([]byte, 64)) }}), wrong},
		{"ed25519 with S beyond the order", of(forged{sign: func(pae []byte) string { return beyond(t, ed(2), pae) }, envelope: envelopeOf(named("till-ed"))}), wrong},
		{"an ed25519 signature for the es256 key", of(forged{sign: func(pae []byte) string { return b64(ed25519.Sign(ed(2), pae)) }}), wrong},

		{"second signature of two", of(forged{envelope: envelopeOf(func(sig string) string { return `[{"keyid":"x","sig":"AAAA"},{"keyid":"till-ec","sig":"` + sig + `"}]` })}), ok},
		{"first signature wrong, second good", of(forged{envelope: envelopeOf(func(sig string) string {
			return `[{"keyid":"till-ec","sig":"AAAA"},{"keyid":"till-ec","sig":"` + sig + `"}]`
		})}), ok},
		{"the last of four", of(forged{envelope: envelopeOf(func(sig string) string {
			return `[` + strings.Repeat(`{"sig":"AAAA"},`, 3) + `{"sig":"` + sig + `"}]`
		})}), ok},
		{"five signatures", of(forged{envelope: envelopeOf(func(sig string) string {
			return `[{"sig":"` + sig + `"}` + strings.Repeat(`,{"sig":"AAAA"}`, 4) + `]`
		})}), bad},
		{"no signatures", of(forged{envelope: envelopeOf(func(string) string { return `[]` })}), bad},
		{"signatures null", of(forged{envelope: envelopeOf(func(string) string { return `null` })}), bad},
		{"signatures that are no list", of(forged{envelope: envelopeOf(func(sig string) string { return `{"sig":"` + sig + `"}` })}), bad},
		{"a signature that is none", of(forged{envelope: envelopeOf(func(sig string) string { return `[{"sig":"` + sig + `"},null]` })}), bad},
		{"a signature without sig", of(forged{envelope: envelopeOf(func(sig string) string { return `[{"sig":"` + sig + `"},{"keyid":"till-ec"}]` })}), bad},
		{"keyid that is a number", of(forged{envelope: envelopeOf(func(sig string) string { return `[{"keyid":1,"sig":"` + sig + `"}]` })}), bad},
		{"keyid null", of(forged{envelope: envelopeOf(func(sig string) string { return `[{"keyid":null,"sig":"` + sig + `"}]` })}), bad},
		{"signature in base64url", of(forged{sign: func(pae []byte) string { return url(rawES256(t, string(pae))) }}), ok},
		{"signature without padding", of(forged{sign: func(pae []byte) string { return strings.TrimRight(rawES256(t, string(pae)), "=") }}), bad},
		{"signature with a line break", of(forged{sign: func(pae []byte) string { return rawES256(t, string(pae)) + `\n` }}), bad},
		{"signature in two alphabets", of(forged{sign: func([]byte) string { return "-+AA" }}), bad},
		{"signature with stray bits", of(forged{sign: func(pae []byte) string { return stray(rawES256(t, string(pae))) }}), bad},

		{"members that are not known", envelope(`{"x":{"y":[1]},"payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG","cert":"x"}]}`), ok},
		{"white space in the envelope", envelope("{\n \"payload\" : \"PAYLOAD\" ,\"payloadType\": \"TYPE\",\r\n\t\"signatures\":[ {\"sig\":\"SIG\"} ] }\n"), ok},
		{"escapes in the envelope", envelope(strings.ReplaceAll(`{"payl\u006fad":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`, "TYPE", strings.ReplaceAll(dsse.PayloadType, "/", `\/`))), ok},
		{"a member in capitals besides", envelope(`{"PAYLOAD_":1,"PAYLOADTYPE":"x","payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), ok},
		{"a member in capitals instead", envelope(`{"payload":"PAYLOAD","PayloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), bad},
		{"payload repeated", envelope(`{"payload":"e30=","payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), bad},
		{"payload repeated by escape", envelope(`{"payl\u006fad":"e30=","payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), bad},
		{"sig repeated", envelope(`{"payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG","sig":"SIG"}]}`), bad},
		{"repeated far inside", envelope(`{"x":[{"a":1,"a":1}],"payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), bad},
		{"no payload", envelope(`{"payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), bad},
		{"payload null", envelope(`{"payload":null,"payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), bad},
		{"payload without padding", envelope(`{"payload":"e30","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), bad},
		{"no payloadType", envelope(`{"payload":"PAYLOAD","signatures":[{"sig":"SIG"}]}`), bad},
		{"no list of signatures", envelope(`{"payload":"PAYLOAD","payloadType":"TYPE"}`), bad},
		{"bytes after the envelope", envelope(`{"payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}{}`), bad},
		{"byte order mark", envelope("\xef\xbb\xbf" + `{"payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), bad},
		{"invalid utf-8", envelope(`{"x":"` + "\xff" + `","payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), bad},
		{"lone surrogate", envelope(`{"x":"\ud800","payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}`), bad},
		{"an envelope that is a list", envelope(`[{"payload":"PAYLOAD","payloadType":"TYPE","signatures":[{"sig":"SIG"}]}]`), bad},
		{"an envelope that is null", envelope(`null`), bad},
		{"the envelope itself", of(forged{value: func(text string) string { quoted, _ := json.Marshal(text); return string(quoted) }}), bad},
		{"the envelope in base64url", of(forged{value: func(text string) string { return `"` + url(b64([]byte(`{"~~~":"???",`+text[1:]))) + `"` }}), bad},
		{"the envelope without padding", of(forged{value: func(text string) string {
			return `"` + strings.TrimRight(b64([]byte(text+strings.Repeat(" ", (4-len(text)%3)%3))), "=") + `"`
		}}), bad},

		{"a bare digest for a payload", of(forged{payload: func(string, string) string { return strings.Repeat("d", 32) }}), bad},
		{"payload in another layout", of(forged{payload: payload("{ \"v\":[{}],\n\"core\" :\"CORE\"}\n")}), ok},
		{"core repeated", of(forged{payload: payload(`{"core":"AAAA","core":"CORE"}`)}), bad},
		{"core in capitals", of(forged{payload: payload(`{"Core":"CORE"}`)}), bad},
		{"core of 31 bytes", of(forged{payload: payload(`{"core":"` + b64(make([]byte, 31)) + `"}`)}), bad},
		{"core and a byte", of(forged{payload: func(core, _ string) string { return `{"core":"` + b64(append(unb64(t, core), 0)) + `"}` }}), bad},
		{"core that is a list", of(forged{payload: payload(`{"core":["CORE"]}`)}), bad},
		{"bytes after the payload", of(forged{payload: payload(`{"core":"CORE"}x`)}), bad},
		{"payload that is null", of(forged{payload: payload(`null`)}), bad},
		{"ext without names", of(forged{payload: payload(`{"core":"CORE","ext":"EXT"}`)}), bad},
		{"names without ext", of(forged{payload: payload(`{"core":"CORE","signedextattrs":["exta"]}`), exts: []string{""}}), bad},
		{"ext of 31 bytes", of(forged{payload: payload(`{"core":"CORE","ext":"` + b64(make([]byte, 31)) + `","signedextattrs":["exta"]}`)}), bad},
		{"ext null", of(forged{payload: payload(`{"core":"CORE","ext":null,"signedextattrs":["exta"]}`), exts: []string{""}}), bad},
		{"names null", of(forged{payload: payload(`{"core":"CORE","ext":"EXT","signedextattrs":null}`)}), bad},
		{"no names", of(forged{payload: payload(`{"core":"CORE","ext":"EXT","signedextattrs":[]}`)}), attrs},
		{"names that are numbers", of(forged{payload: payload(`{"core":"CORE","ext":"EXT","signedextattrs":[1]}`), exts: []string{""}}), bad},
		{"an absent extension", of(forged{payload: payload(`{"core":"CORE","ext":"EXT","signedextattrs":["exta"]}`), exts: []string{""}}), ok},
		{"a name twice", of(forged{payload: payload(`{"core":"CORE","ext":"EXT","signedextattrs":["exta","exta"]}`), exts: []string{"", ""}}), attrs},
	}
	for _, name := range []string{"id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "data", dsse.Attribute, "Exta", "ext_a", "",
		strings.Repeat("a", 21)} {
		list = append(list, verdict{fmt.Sprintf("%q for an extension", name),
			of(forged{payload: payload(`{"core":"CORE","ext":"EXT","signedextattrs":["exta","` + name + `"]}`), exts: []string{"", ""}}), attrs})
	}
	return list
}
