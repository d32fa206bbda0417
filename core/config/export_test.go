package config

// Private is the decision on a secret file, which a test cannot bring about
// without a mount of its own.
var Private = private

// Loopback tells whether an address of any scheme counts as loopback.
func Loopback(text string) (bool, error) {
	a, err := parseAddress(text, "http", "https", "tcp", "ipc")
	return a.loopback(), err
}

// Reads tells how many files of keys a reader has read, ever.
func (r *KeyReader) Reads() int { return r.memory.files.reads }
