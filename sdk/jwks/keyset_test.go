package jwks_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/headgate-io/headgate/sdk/jwks"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// A key that stands there twice is one key; two keys of one kid are none.
func TestDoubles(t *testing.T) {
	a, b := jwkstest.NewKey("EdDSA").JWK(), jwkstest.NewKey("EdDSA").JWK()
	renamed := bytes.Replace(b, kidOf(t, b), kidOf(t, a), 1)
	for name, c := range map[string]struct {
		set         string
		taken, left int
	}{
		"two keys":        {fmt.Sprintf("%s,%s", a, b), 2, 0},
		"one key twice":   {fmt.Sprintf("%s,%s,%s", a, b, a), 2, 1},
		"one kid for two": {fmt.Sprintf("%s,%s,%s", a, renamed, b), 1, 2},
		"and one twice":   {fmt.Sprintf("%s,%s,%s,%s", a, renamed, a, b), 1, 3},
	} {
		texts, left, err := jwks.ReadKeys([]byte(`{"keys":[`+c.set+`]}`), []string{"EdDSA"})
		if err != nil || len(texts) != c.taken || left != c.left {
			t.Errorf("%s: %d taken, %d left out, %v", name, len(texts), left, err)
		}
	}
}

// kidOf gives the kid of a JWK, with its quotes.
func kidOf(t *testing.T, key []byte) []byte {
	t.Helper()
	_, rest, found := bytes.Cut(key, []byte(`"kid":`))
	if !found {
		t.Fatalf("no kid: %s", key)
	}
	return rest[:bytes.IndexByte(rest[1:], '"')+2]
}
