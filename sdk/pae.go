package sdk

import "encoding/binary"

// paeMagic starts every pre-authentication encoding, so that such bytes are
// never also some other signed text.
const paeMagic = "HGPAE1"

// PAE is the pre-authentication encoding: it joins a label and fields so that
// no two different lists of fields give the same bytes.
//
//	"HGPAE1" | LE64(n+1) | LE64(len(label)) | label | LE64(len(f1)) | f1 | ...
//
// It is modelled on PASETO's PAE (PASETO specification, section 2.2.1). Every
// signature, lease and digest of headgate is taken over such an encoding.
func PAE(label string, fields ...[]byte) []byte {
	size := len(paeMagic) + 8 + 8 + len(label)
	for _, f := range fields {
		size += 8 + len(f)
	}
	return AppendPAE(make([]byte, 0, size), label, fields...)
}

// AppendPAE appends the encoding to b.
func AppendPAE[T string | []byte](b []byte, label string, fields ...T) []byte {
	b = appendPAEHead(b, label, len(fields))
	for _, f := range fields {
		b = appendPAEField(b, f)
	}
	return b
}

func appendPAEHead(b []byte, label string, fields int) []byte {
	b = append(b, paeMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(fields+1))
	return appendPAEField(b, label)
}

func appendPAEField[T string | []byte](b []byte, f T) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(len(f)))
	return append(b, f...)
}
