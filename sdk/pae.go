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
	out := make([]byte, 0, size)
	out = append(out, paeMagic...)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(fields)+1))
	out = binary.LittleEndian.AppendUint64(out, uint64(len(label)))
	out = append(out, label...)
	for _, f := range fields {
		out = binary.LittleEndian.AppendUint64(out, uint64(len(f)))
		out = append(out, f...)
	}
	return out
}
