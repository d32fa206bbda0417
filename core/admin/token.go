package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"slices"
)

// Token is who shows a secret. The secret itself is not kept.
type Token struct {
	Name string
	Role Role
	Sum  [sha256.Size]byte // SHA-256 of the secret, which is too long to be guessed
}

// tokenOf finds the token with that secret. It takes as long whichever it is.
func tokenOf(list []Token, secret string) (of Token, ok bool) {
	sum := sha256.Sum256([]byte(secret))
	for _, t := range list {
		if subtle.ConstantTimeCompare(sum[:], t.Sum[:]) == 1 {
			of, ok = t, true
		}
	}
	return of, ok
}

// Certificate is who shows one with that name.
type Certificate struct {
	Name string
	Role Role
}

// clientOf finds the client that a verified certificate names.
func clientOf(list []Certificate, cert *x509.Certificate) (Certificate, bool) {
	names := namesOf(cert)
	for _, c := range list {
		if slices.Contains(names, c.Name) {
			return c, true
		}
	}
	return Certificate{}, false
}

// namesOf are the DNS names, URIs and email addresses of a certificate, and its
// common name where it has none of these: an authority vouches for them more often.
func namesOf(cert *x509.Certificate) []string {
	names := slices.Concat(cert.DNSNames, cert.EmailAddresses)
	for _, u := range cert.URIs {
		names = append(names, u.String())
	}
	if len(names) == 0 && cert.Subject.CommonName != "" {
		names = []string{cert.Subject.CommonName}
	}
	return names
}
