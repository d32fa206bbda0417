package signature

// Reason is an error that is a stable code, fit for a log and for counting. It
// holds nothing that a sender wrote.
type Reason string

// Why a webhook signature is refused.
const (
	WebhookIDAbsent        Reason = "webhook_id_absent"
	WebhookIDRepeated      Reason = "webhook_id_repeated"
	WebhookIDMalformed     Reason = "webhook_id_malformed"
	TimestampAbsent        Reason = "timestamp_absent"
	TimestampRepeated      Reason = "timestamp_repeated"
	TimestampMalformed     Reason = "timestamp_malformed"
	TimestampOutsideWindow Reason = "timestamp_outside_window"
	SignatureAbsent        Reason = "signature_absent" // none of the key's version among those read
	SignatureRepeated      Reason = "signature_repeated"
	SignatureMalformed     Reason = "signature_malformed" // of the key's version, none is base64 of the right size
	SignatureMismatch      Reason = "signature_mismatch"
)

// Error gives the code.
func (r Reason) Error() string { return string(r) }
