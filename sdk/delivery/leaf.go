package delivery

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// leafHead begins what is hashed for every leaf: RFC 6962's 0x00, and of
// PAE("headgate.delivery.v1", four frames) all before the first field.
const leafHead = "\x00HGPAE1" +
	"\x05\x00\x00\x00\x00\x00\x00\x00" +
	"\x14\x00\x00\x00\x00\x00\x00\x00" + "headgate.delivery.v1"

// leafHasher hashes leaves one after the other, with the same room for each.
type leafHasher struct {
	hash hash.Hash
	room []byte
}

func newLeafHasher() *leafHasher {
	return &leafHasher{hash: sha256.New(), room: make([]byte, 0, len(leafHead))}
}

// leaf is the RFC 6962 leaf hash (section 2.1: SHA-256(0x00 | data)) of
// sdk.PAE("headgate.delivery.v1", topic, header, event, original), without building it.
func (l *leafHasher) leaf(frames [][]byte) tlog.Hash {
	l.hash.Reset()
	l.hash.Write(append(l.room, leafHead...))
	for _, f := range frames[:FrameSignature] {
		l.hash.Write(binary.LittleEndian.AppendUint64(l.room, uint64(len(f))))
		l.hash.Write(f)
	}
	return tlog.Hash(l.hash.Sum(l.room))
}

// LeafHash is the leaf of one delivery's first four frames.
func LeafHash(topic, header, event, original []byte) [sha256.Size]byte {
	return newLeafHasher().leaf([][]byte{topic, header, event, original})
}

// rootText is what the router signs for a tree.
func rootText(kid string, size int, root tlog.Hash) []byte {
	b := make([]byte, 0, 96+len(kid))
	b = append(b, "headgate.root.v1\n"...)
	b = append(b, kid...)
	b = append(b, '\n')
	b = strconv.AppendInt(b, int64(size), 10)
	b = append(b, '\n')
	b = base64.StdEncoding.AppendEncode(b, root[:])
	return append(b, '\n')
}
