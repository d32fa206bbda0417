package curve

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// digits of base 85, in order (RFC 32).
const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// textSize is the length of 32 bytes in Z85.
const textSize = keySize / 4 * 5

// encode gives the Z85 of a key: five digits for each four bytes (RFC 32).
func encode(key *[keySize]byte) string {
	text := make([]byte, textSize)
	for i := range keySize / 4 {
		word := binary.BigEndian.Uint32(key[4*i:])
		for j := 4; j >= 0; j-- {
			text[5*i+j] = digits[word%85]
			word /= 85
		}
	}
	return string(text)
}

// decode reads the Z85 of a key. Its error does not repeat the text, which may
// be a secret.
func decode(text string) (key [keySize]byte, err error) {
	if len(text) != textSize {
		return key, fmt.Errorf("curve: a key has %d characters of Z85, this has %d", textSize, len(text))
	}
	for i := range keySize / 4 {
		word := uint64(0)
		for j := range 5 {
			digit := strings.IndexByte(digits, text[5*i+j])
			if digit < 0 {
				return [keySize]byte{}, fmt.Errorf("curve: character %d of a key is none of Z85", 5*i+j+1)
			}
			word = 85*word + uint64(digit)
		}
		if word > 0xFFFFFFFF {
			return [keySize]byte{}, fmt.Errorf("curve: characters %d to %d of a key are too large for Z85", 5*i+1, 5*i+5)
		}
		binary.BigEndian.PutUint32(key[4*i:], uint32(word))
	}
	return key, nil
}
