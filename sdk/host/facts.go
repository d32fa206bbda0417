package host

// Facts are what is known of a plugin process from outside.
type Facts struct {
	PID      int
	Env      []string // NAME=value as given; the value of what Command.Env gave is [redacted]
	Files    []string // what its inherited descriptors are, from 0 on
	Boundary string   // "uid" when it runs as another user, else "none"
	Protocol int      // the major version that is spoken
	SHA256   string   // of the file that runs, in hexadecimal; empty for this very binary
}
