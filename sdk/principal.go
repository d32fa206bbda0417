package sdk

// Principal is who the core proved a sender to be. The id of the key that
// proved it is not part of it, so a rotation does not change who somebody is.
type Principal struct {
	Provider string `json:"provider"`         // name of the [[auth]] section
	Issuer   string `json:"issuer,omitempty"` // token issuer; empty for API keys
	Subject  string `json:"subject"`          // the key's principal, or the token's subject or client
}

// String gives provider:issuer:subject for logs.
func (p Principal) String() string {
	if p.Issuer == "" {
		return p.Provider + ":" + p.Subject
	}
	return p.Provider + ":" + p.Issuer + ":" + p.Subject
}

// Proof says how a sender and an event were proven.
type Proof struct {
	Transport string `json:"transport"`       // "hmac", "ed25519" or "jwt"
	Event     string `json:"event,omitempty"` // "dsse", or empty without an event signature
}
