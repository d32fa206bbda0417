package trust

// Refusal is the error of every check here. Its code is for the sender, its
// reason for the log alone. Neither holds anything that a sender wrote.
type Refusal struct {
	Code       string // stable, coarse on purpose: one of the codes below
	Reason     string // stable, fine: one of the reasons below, or a signature.Reason
	RetryAfter int    // seconds until one more try makes sense; 0 for none
}

// The codes.
const (
	CodeMalformed           = "malformed"
	CodeBadID               = "bad_id"
	CodeAmbiguousCredential = "ambiguous_credential"
	CodeUnauthenticated     = "unauthenticated"
	CodeForbidden           = "forbidden"
)

// The reasons of Authenticate, besides those of package signature.
const (
	ReasonCredentialAbsent      = "credential_absent"
	ReasonSeveralCredentials    = "several_credentials" // webhook headers and Authorization
	ReasonAuthorizationRepeated = "authorization_repeated"
	ReasonKeyIDRepeated         = "key_id_repeated"
	ReasonEventKeyRepeated      = "event_key_repeated"
	ReasonEventKeyUnbound       = "event_key_unbound" // only a token can vouch for it
	ReasonNoTokenProvider       = "no_token_provider"
	ReasonKeyIDAbsent           = "key_id_absent" // and the ingress has no default
	ReasonKeyUnknown            = "key_unknown"
	ReasonKeyPending            = "key_pending"
	ReasonKeyRevoked            = "key_revoked"
)

// The reasons of CheckEventID and Authorize. A key that has gone since is one
// of the above.
const (
	ReasonEventIDMismatch    = "event_id_mismatch" // with webhook-id
	ReasonSourceNotGranted   = "source_not_granted"
	ReasonTypeNotGranted     = "type_not_granted"
	ReasonProviderNotAllowed = "provider_not_allowed"
	ReasonScopeMissing       = "scope_missing"
)

// Error gives code and reason. It belongs in the log, not in an answer.
func (r *Refusal) Error() string { return r.Code + ": " + r.Reason }
