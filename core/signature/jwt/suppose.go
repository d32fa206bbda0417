package jwt

import "time"

// Suppose gives what a token would be worth if a key of its issuer had signed it:
// every check of [Verifier.Verify] but those of key and signature, which p need not
// have. It proves nothing. It is for somebody who holds a token and asks why it
// would be refused. The error is a [Reason], or tells what is wrong with p.
func Suppose(p Policy, u *Unproven, now time.Time) (*Token, error) {
	rules, err := compile(p.Rules)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	v := newVerifier(&p, rules)
	switch _, err := v.admit(u); {
	case err != nil:
		return nil, err
	case !u.header.hasKid:
		return nil, KidAbsent
	}
	return v.read(u, u.header.kid, now)
}
