package main

import (
	"errors"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// errNotUTF8 is what protobuf's own code finds wrong, too.
var errNotUTF8 = errors.New("a text is no UTF-8")

// fieldSize is what a field below 16 takes whose content has so many bytes.
func fieldSize(n int) int { return 1 + protowire.SizeBytes(n) }

// textSize is zero for an empty text, which is left out.
func textSize(s string) int {
	if s == "" {
		return 0
	}
	return fieldSize(len(s))
}

// appendHead begins a field whose content has so many bytes.
func appendHead(b []byte, n protowire.Number, size int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.BytesType), uint64(size))
}

func appendText(b []byte, n protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return append(appendHead(b, n, len(s)), s...)
}

func text(b []byte) (string, error) {
	if !utf8.Valid(b) {
		return "", errNotUTF8
	}
	return string(b), nil
}

// eachField gives f every field of a message: its content or its number.
func eachField(b []byte, f func(n protowire.Number, v []byte, u uint64) error) error {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		var v []byte
		var u uint64
		switch kind {
		case protowire.BytesType:
			v, size = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			u, size = protowire.ConsumeVarint(b)
		default:
			size = protowire.ConsumeFieldValue(n, kind, b)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		if err := f(n, v, u); err != nil {
			return err
		}
	}
	return nil
}
