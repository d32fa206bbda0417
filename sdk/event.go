package sdk

import "crypto/sha256"

// Bounds of one event. They are part of the wire contract.
const (
	MaxID        = 256  // bytes of id
	MaxSource    = 2048 // bytes of source
	MaxType      = 256  // bytes of type: it is the topic a subscriber filters on
	MaxAttribute = 4096 // bytes of any other attribute's value
	MaxDepth     = 64   // nesting of objects and arrays, the event itself included
)

// Event is one CloudEvents 1.0 event (CloudEvents 1.0.2, section 3) together
// with the exact bytes it was read from. Its fields alias nothing but Raw and
// Data, which nobody changes in place.
type Event struct {
	ID              string
	Source          string
	SpecVersion     string // always "1.0"
	Type            string
	Subject         string // empty when absent
	DataContentType string // empty when absent
	DataSchema      string // empty when absent
	Time            string // RFC 3339 as carried; empty when absent

	Extensions []Extension // sorted by name, bytewise

	// Data is the event's data in bytes, by CloudEvents JSON format 1.0.2,
	// section 3.1: the decoded data_base64; or the string's content where the
	// content type is not JSON and data is a string; or the exact JSON text
	// of data. Nil when the event has none.
	Data []byte

	// DataIsJSON tells that Data is JSON text, to be read as a value.
	DataIsJSON bool

	// Raw is the whole event in structured JSON, exactly as it came.
	Raw []byte
}

// Kind is the CloudEvents type of an extension's value as it was written.
type Kind uint8

// The three kinds that JSON can carry (CloudEvents JSON format, section 2.2).
const (
	KindString Kind = iota
	KindInteger
	KindBoolean
)

// Extension is one extension attribute. Value is the CloudEvents canonical
// string form: an integer in decimal, a boolean as true or false.
type Extension struct {
	Name  string
	Value string
	Kind  Kind
}

// Extension returns the value of the named extension and whether it is there.
func (e *Event) Extension(name string) (string, bool) {
	if i, there := e.findExtension(name); there {
		return e.Extensions[i].Value, true
	}
	return "", false
}

// digestLabel names the digest in its own bytes.
const digestLabel = "headgate.event.v1"

// Digest is the same-event digest: two submissions with equal (source, id) are
// the same event exactly when their digests are equal. It is SHA-256 over
//
//	PAE("headgate.event.v1", id, source, specversion, type, datacontenttype,
//	    dataschema, subject, time, data, name1, value1, name2, value2, ...)
//
// with the extensions sorted by name, and without dssematerial, traceparent
// and tracestate: a lawful retry may be signed anew, traced anew, or travel in
// a batch. An absent attribute counts as empty; an attribute that is present
// and empty is refused by [ParseEvent].
func (e *Event) Digest() [sha256.Size]byte {
	core := [...]string{e.ID, e.Source, e.SpecVersion, e.Type, e.DataContentType, e.DataSchema, e.Subject, e.Time}
	fields := len(core) + 1
	for _, x := range e.Extensions {
		if !remade(x.Name) {
			fields += 2
		}
	}
	b := appendPAEHead(make([]byte, 0, 2*len(e.Raw)+256), digestLabel, fields)
	for _, s := range core {
		b = appendPAEField(b, s)
	}
	b = appendPAEField(b, e.Data)
	for _, x := range e.Extensions {
		if !remade(x.Name) {
			b = appendPAEField(appendPAEField(b, x.Name), x.Value)
		}
	}
	return sha256.Sum256(b)
}

// remade tells the extensions that a lawful retry may carry anew.
func remade(name string) bool {
	return name == "dssematerial" || name == "traceparent" || name == "tracestate"
}
