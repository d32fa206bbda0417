package jwt_test

import (
	"testing"

	"github.com/headgate-io/headgate/core/signature/jwt"
)

func BenchmarkVerify(b *testing.B) {
	v := verifier(b, policy())
	for _, kid := range []string{"rsa", "p256", "p384", "ed"} {
		token := sign(kid, oktaClient())
		b.Run(signers()[kid].alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check(v, token, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	token := sign("rsa", oktaClient())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jwt.Read(token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCached is what a token costs that was seen before.
func BenchmarkCached(b *testing.B) {
	v, c := verifier(b, policy()), jwt.NewCache(8<<20)
	text := sign("rsa", oktaClient())
	token, err := check(v, text, now)
	if err != nil {
		b.Fatal(err)
	}
	c.Put(text, v, token)
	b.ReportAllocs()
	for b.Loop() {
		by, got := c.Get(text)
		if by != v || v.Check(got, now) != nil {
			b.Fatal("not there")
		}
	}
}
