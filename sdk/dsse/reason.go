package dsse

// Reason is why an event does not verify: an error that is a stable code, fit
// for a log and for counting. It holds nothing that a sender wrote.
type Reason string

// The reasons, in the order of the checks.
const (
	Absent             Reason = "dsse_absent"              // the event is not signed
	Malformed          Reason = "dsse_malformed"           // its envelope, or what is signed in it, has not the specified form
	WrongType          Reason = "dsse_payload_type"        // another version, or another thing
	NoKey              Reason = "dsse_no_key"              // no signature is by a key that was given
	SignatureMismatch  Reason = "dsse_signature_mismatch"  // of those that are, none verifies
	SignedAttributes   Reason = "dsse_signed_attributes"   // what it names as signed cannot be: core attributes, itself, one twice
	CoreMismatch       Reason = "dsse_core_mismatch"       // another core attribute, or other data, than was signed
	ExtensionsMismatch Reason = "dsse_extensions_mismatch" // another value of a signed extension
)

// Error gives the code.
func (r Reason) Error() string { return string(r) }
