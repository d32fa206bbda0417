package trust

// Refusal is the error of every check of a sender here. Its code is for the
// sender, all else for the log alone. What an unproven sender wrote stands in
// Unverified, and nowhere else.
type Refusal struct {
	Code       string // stable, coarse on purpose: one of the codes below
	Reason     string // stable, fine: one of the reasons below, a signature.Reason, a jwt.Reason or a dsse.Reason
	RetryAfter int    // seconds until one more try makes sense; 0 for none

	// Verdicts are what each provider said where several had a say; nil where
	// Reason says it all.
	Verdicts []Verdict

	// Unverified is what the refused credential or event signature says of itself.
	Unverified []Unverified
}

// Verdict is why one provider, or one grant, does not take a sender.
type Verdict struct {
	Provider string `json:"provider"` // name of an [[auth]] section, or the key of a grant: grants[3]
	Reason   string `json:"reason"`
}

// maxVerdicts bounds a line of the log; the last of them then stands for the rest.
const maxVerdicts = 8

// addVerdict appends v while there is room, and once "..." for what there is
// none for.
func addVerdict(list []Verdict, v Verdict) []Verdict {
	switch n := len(list); {
	case n < maxVerdicts:
		return append(list, v)
	case n == maxVerdicts:
		return append(list, Verdict{Provider: "...", Reason: "..."})
	}
	return list
}

// The codes.
const (
	CodeMalformed           = "malformed"
	CodeBadID               = "bad_id"
	CodeAmbiguousCredential = "ambiguous_credential"
	CodeUnauthenticated     = "unauthenticated"
	CodeForbidden           = "forbidden"
	CodeTrustUnavailable    = "trust_unavailable"
)

// The reasons of Authenticate, besides those of the packages signature and jwt.
const (
	ReasonCredentialAbsent      = "credential_absent"
	ReasonSeveralCredentials    = "several_credentials" // webhook headers and Authorization
	ReasonAuthorizationRepeated = "authorization_repeated"
	ReasonKeyIDRepeated         = "key_id_repeated"
	ReasonEventKeyRepeated      = "event_key_repeated"
	ReasonEventKeyUnbound       = "event_key_unbound" // only a token that is bound to it can vouch for it
	ReasonKeyIDAbsent           = "key_id_absent"     // and the ingress has no default
	ReasonKeyUnknown            = "key_unknown"
	ReasonKeyPending            = "key_pending"
	ReasonKeyRevoked            = "key_revoked"

	ReasonNoTokenProvider   = "no_token_provider"
	ReasonSchemeUnknown     = "scheme_unknown" // not "Bearer", one space, a token
	ReasonIssuerUnknown     = "issuer_unknown" // no [[auth]] has it
	ReasonIssuerOther       = "issuer_other"   // in a verdict: this [[auth]] does not have it
	ReasonTrustNone         = "trust_none"     // its provider has vouched for nothing yet
	ReasonTrustDead         = "trust_dead"     // what its provider vouched for is too old
	ReasonTokenRevoked      = "token_revoked"
	ReasonSubjectRevoked    = "subject_revoked"
	ReasonEventKeyAbsent    = "event_key_absent"    // the token is bound to a key that is not shown
	ReasonEventKeyMalformed = "event_key_malformed" // not one public JWK for ES256 or EdDSA
	ReasonEventKeyMismatch  = "event_key_mismatch"  // not the key that the token is bound to
)

// The reasons of CheckEventID, VerifyEvent and Authorize, besides those of
// package dsse. A key that has gone since is one of the above.
const (
	ReasonEventIDMismatch       = "event_id_mismatch" // with webhook-id
	ReasonEventSignatureAbsent  = "event_signature_absent"
	ReasonEventKeyUnregistered  = "event_key_unknown" // no [[event_keys]] that counts is for the source
	ReasonEventSignatureMissing = "event_signature_missing"
	ReasonEventUnreadable       = "event_unreadable" // its bytes are not those it was read from
	ReasonNoGrant               = "no_grant"
	ReasonSourceNotGranted      = "source_not_granted"
	ReasonTypeNotGranted        = "type_not_granted"
	ReasonProviderNotAllowed    = "provider_not_allowed"
	ReasonScopeMissing          = "scope_missing"
	ReasonConditionFailed       = "condition_failed" // in a verdict: a grant's condition has no answer for this token
)

// Error gives code and reason. It belongs in the log, not in an answer.
func (r *Refusal) Error() string { return r.Code + ": " + r.Reason }
