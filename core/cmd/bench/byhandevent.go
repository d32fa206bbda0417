package main

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/headgate-io/headgate/sdk"
)

// texts are the fields 1 to 7.
func texts(e *sdk.Event) [7]*string {
	return [...]*string{&e.ID, &e.Source, &e.Type, &e.Subject, &e.Time, &e.DataContentType, &e.DataSchema}
}

// isText tells whether protobuf's strings may hold the event.
func isText(e *sdk.Event) bool {
	for _, s := range texts(e) {
		if !utf8.ValidString(*s) {
			return false
		}
	}
	for _, x := range e.Extensions {
		if !utf8.ValidString(x.Name) || !utf8.ValidString(x.Value) {
			return false
		}
	}
	return true
}

func appendEvent(b []byte, e *sdk.Event) []byte {
	for i, s := range texts(e) {
		b = appendText(b, protowire.Number(i+1), *s)
	}
	if e.Data != nil {
		b = append(appendHead(b, 8, len(e.Data)), e.Data...)
	}
	if e.DataIsJSON {
		b = append(b, 9<<3, 1)
	}
	for _, x := range e.Extensions {
		b = appendHead(b, 10, extensionSize(x))
		b = appendText(appendText(b, 1, x.Name), 2, x.Value)
		b = append(b, 3<<3, byte(x.Kind)+1)
	}
	return b
}

func eventSize(e *sdk.Event) (n int) {
	for _, s := range texts(e) {
		n += textSize(*s)
	}
	if e.Data != nil {
		n += fieldSize(len(e.Data))
	}
	if e.DataIsJSON {
		n += 2
	}
	for _, x := range e.Extensions {
		n += fieldSize(extensionSize(x))
	}
	return n
}

func extensionSize(x sdk.Extension) int { return textSize(x.Name) + textSize(x.Value) + 2 }

func parseEvent(e *sdk.Event, b []byte) error {
	own := texts(e)
	return eachField(b, func(n protowire.Number, v []byte, u uint64) (err error) {
		switch {
		case n <= 7:
			*own[n-1], err = text(v)
		case n == 8:
			e.Data = v
		case n == 9:
			e.DataIsJSON = u != 0
		case n == 10:
			e.Extensions = append(e.Extensions, sdk.Extension{})
			err = parseExtension(&e.Extensions[len(e.Extensions)-1], v)
		}
		return err
	})
}

func parseExtension(x *sdk.Extension, b []byte) error {
	return eachField(b, func(n protowire.Number, v []byte, u uint64) (err error) {
		switch n {
		case 1:
			x.Name, err = text(v)
		case 2:
			x.Value, err = text(v)
		case 3:
			x.Kind = sdk.Kind(u - 1)
		}
		return err
	})
}
