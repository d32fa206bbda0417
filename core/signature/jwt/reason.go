package jwt

// Reason is an error that is a stable code, fit for a log and for counting. It
// holds nothing that a sender wrote.
type Reason string

// Why something is no token of the form taken here.
const (
	TokenTooLarge   Reason = "token_too_large"  // above MaxToken
	TokenMalformed  Reason = "token_malformed"  // not three segments of base64url in its one spelling
	HeaderMalformed Reason = "header_malformed" // not a JSON object, or alg, kid or typ is not a string
	HeaderRepeated  Reason = "header_repeated"  // a member twice, or in two cases
	HeaderUnknown   Reason = "header_unknown"   // a member that is not taken: crit, jku, jwk, x5u, x5c, b64, zip, enc, ...
	ClaimsMalformed Reason = "claims_malformed" // not a JSON object
	ClaimRepeated   Reason = "claim_repeated"   // a claim twice, or in another case than it has
	IssuerAbsent    Reason = "issuer_absent"
)

// Why a token is not signed by its issuer.
const (
	IssuerMismatch    Reason = "issuer_mismatch"
	AlgNotAllowed     Reason = "alg_not_allowed"
	TypNotAllowed     Reason = "typ_not_allowed"
	KidAbsent         Reason = "kid_absent"
	KidMalformed      Reason = "kid_malformed"
	KeyUnknown        Reason = "key_unknown"      // the issuer may have published it since
	KeyAlgMismatch    Reason = "key_alg_mismatch" // the key is not for this alg
	SignatureMismatch Reason = "signature_mismatch"
)

// Why a token of the issuer does not say what it has to.
const (
	TimeMalformed       Reason = "time_malformed" // exp, iat or nbf is not an integer from 0 to 2^53 - 1
	ExpiryAbsent        Reason = "expiry_absent"
	Expired             Reason = "expired"
	LifetimeTooLong     Reason = "lifetime_too_long"
	NotYetValid         Reason = "not_yet_valid"
	IssuedAtAbsent      Reason = "issued_at_absent"
	IssuedInFuture      Reason = "issued_in_future"
	AudienceAbsent      Reason = "audience_absent"
	AudienceMalformed   Reason = "audience_malformed" // neither a string nor an array of strings, or an empty one
	AudienceMismatch    Reason = "audience_mismatch"
	ClaimMissing        Reason = "claim_missing"
	ClaimForbidden      Reason = "claim_forbidden"
	ClaimShape          Reason = "claim_shape"
	ClaimMismatch       Reason = "claim_mismatch" // not one of the values that it has to have, or equal to another
	SubjectAbsent       Reason = "subject_absent"
	SubjectMalformed    Reason = "subject_malformed"
	ConfirmationUnknown Reason = "confirmation_unknown" // bound to something that cannot be checked here
	ConfirmationDiffers Reason = "confirmation_differs" // bound to two keys
)

// Error gives the code.
func (r Reason) Error() string { return string(r) }
