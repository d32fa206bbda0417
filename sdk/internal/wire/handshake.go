package wire

// The handshake of HashiCorp's go-plugin, as both sides speak it.
const (
	CookieKey   = "HEADGATE_PLUGIN"    // environment variable that tells a plugin that a router started it
	CookieValue = "headgate.plugin.v1" // its value
	LevelKey    = "HEADGATE_PLUGIN_LOG"
	CertKey     = "PLUGIN_CLIENT_CERT" // the router's certificate, PEM; no other client may connect
	Protocol    = 1                    // major version: headgate.plugin.v1
)

// MaxBytes bounds one request and one answer: some thousands of usual events, and
// little enough that a few at once do not exhaust a small machine.
const MaxBytes = 16 << 20
