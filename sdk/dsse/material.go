package dsse

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/headgate-io/headgate/sdk"
)

// envelope is a DSSE JSON envelope (DSSE envelope 1.0.2).
type envelope struct {
	payload    []byte // as it was signed
	kind       string
	signatures []signature
}

type signature struct {
	keyid string // empty when absent
	sig   []byte
}

// material is the VERIFICATION_MATERIAL that is signed.
type material struct {
	core, ext [sha256.Size]byte
	names     []string // none when no extension is signed
}

// parseEnvelope reads the value of dssematerial. Members that it does not know
// are left out, as the specification asks.
func parseEnvelope(value string) (envelope, bool) {
	if len(value) > sdk.MaxAttribute {
		return envelope{}, false
	}
	text, ok := decode64(base64.StdEncoding, value)
	if !ok {
		return envelope{}, false
	}
	o, ok := parseObject(text)
	if !ok {
		return envelope{}, false
	}
	var list []json.RawMessage
	if json.Unmarshal(o["signatures"], &list) != nil || len(list) == 0 || len(list) > MaxSignatures {
		return envelope{}, false
	}
	var e envelope
	for _, text := range list {
		one, ok := parseObject(text)
		if !ok {
			return envelope{}, false
		}
		var s signature
		if s.sig, ok = one.bytes("sig"); !ok {
			return envelope{}, false
		}
		if _, named := one["keyid"]; named {
			if s.keyid, ok = one.text("keyid"); !ok {
				return envelope{}, false
			}
		}
		e.signatures = append(e.signatures, s)
	}
	if e.payload, ok = o.bytes("payload"); !ok {
		return envelope{}, false
	}
	e.kind, ok = o.text("payloadType")
	return e, ok
}

// parseMaterial reads a payload whose signature has verified.
func parseMaterial(payload []byte) (material, error) {
	o, ok := parseObject(payload)
	if !ok {
		return material{}, Malformed
	}
	var m material
	if m.core, ok = o.digest("core"); !ok {
		return material{}, Malformed
	}
	names, named := o["signedextattrs"]
	if _, digested := o["ext"]; digested != named {
		return material{}, Malformed
	}
	if !named {
		return m, nil
	}
	if m.ext, ok = o.digest("ext"); !ok {
		return material{}, Malformed
	}
	var list []json.RawMessage
	if names[0] != '[' || json.Unmarshal(names, &list) != nil {
		return material{}, Malformed
	}
	for _, text := range list {
		name, ok := stringOf(text)
		if !ok {
			return material{}, Malformed
		}
		m.names = append(m.names, name)
	}
	if !signable(m.names) {
		return material{}, SignedAttributes
	}
	return m, nil
}

// write is the inverse of parseMaterial. It needs no escapes: names have none.
func (m material) write() []byte {
	var b bytes.Buffer
	b.WriteString(`{"core":"` + base64.StdEncoding.EncodeToString(m.core[:]) + `"`)
	if len(m.names) > 0 {
		b.WriteString(`,"ext":"` + base64.StdEncoding.EncodeToString(m.ext[:]) + `","signedextattrs":["` + strings.Join(m.names, `","`) + `"]`)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// pae is what a signature covers (DSSE protocol 1.0.2, "Signature Definition").
func pae(kind string, payload []byte) []byte {
	b := make([]byte, 0, len(kind)+len(payload)+32)
	b = append(b, "DSSEv1 "+strconv.Itoa(len(kind))+" "+kind+" "+strconv.Itoa(len(payload))+" "...)
	return append(b, payload...)
}

// object is a JSON object by its names to the letter. The names of a struct's
// members would be met in capitals too.
type object map[string]json.RawMessage

func parseObject(text []byte) (object, bool) {
	if sdk.CheckJSON(text) != nil {
		return nil, false
	}
	var o object
	return o, json.Unmarshal(text, &o) == nil // of null it is empty, which lacks what is looked for
}

func (o object) text(name string) (string, bool) { return stringOf(o[name]) }

func (o object) bytes(name string) ([]byte, bool) {
	text, ok := o.text(name)
	if !ok {
		return nil, false
	}
	if strings.ContainsAny(text, "-_") { // DSSE leaves a signer the choice of alphabet
		return decode64(base64.URLEncoding, text)
	}
	return decode64(base64.StdEncoding, text)
}

func (o object) digest(name string) (sum [sha256.Size]byte, ok bool) {
	b, ok := o.bytes(name)
	if !ok || len(b) != len(sum) {
		return sum, false
	}
	return [sha256.Size]byte(b), true
}

func stringOf(text json.RawMessage) (s string, ok bool) {
	return s, len(text) > 0 && text[0] == '"' && json.Unmarshal(text, &s) == nil
}

// decode64 reads base64 with padding in its one spelling. Go's reader skips
// line breaks even when strict.
func decode64(alphabet *base64.Encoding, text string) ([]byte, bool) {
	b, err := alphabet.Strict().DecodeString(text)
	return b, err == nil && !strings.ContainsAny(text, "\r\n")
}
