package trust

// MaxDefaultKeyIDs is how many default keys of an ingress are tried: each of
// them costs a check for a request that names none.
const MaxDefaultKeyIDs = 4

// Credential is what a sender showed, exactly as the door received it: one
// element for each time a header occurred, nil for never.
type Credential struct {
	KeyID         []string // headgate-key-id
	WebhookID     []string // webhook-id
	Timestamp     []string // webhook-timestamp
	Signature     []string // webhook-signature
	Authorization []string // authorization
	EventKey      []string // headgate-event-key

	// Signed has the bytes that a webhook signature covers: the body as
	// received, or webhook.GetBody of the target for a GET.
	Signed []byte

	// DefaultKeyIDs are the ingress's, tried in order when KeyID is absent. Only
	// the first MaxDefaultKeyIDs count.
	DefaultKeyIDs []string
}
