package sdktest

import "time"

// Only has the suite try no other rules.
func (s *Suite) Only(rules ...string) {
	s.only = make(map[string]bool)
	for _, r := range rules {
		s.only[r] = true
	}
}

// Hurry has the suite wait little for what a plugin never does.
func (s *Suite) Hurry() {
	s.limits = defaultLimits
	s.limits.start, s.limits.call, s.limits.exit, s.limits.snapshot = 4*time.Second, 3*time.Second, 3*time.Second, 3*time.Second
}

// The names of the rules, by what they are about.
var (
	StartRules     = named(startRules)
	ConfigRules    = named(configRules)
	TransformRules = named(transformRules)
	LogRules       = named(logRules)
	EndRules       = named(endRules)
	TrustRules     = named(trustRules)
)

func named(rules []rule) (names []string) {
	for _, r := range rules {
		names = append(names, r.Name)
	}
	return names
}

// Handshake is what ParseHandshake gives.
type Handshake = handshake

// Text is what was kept, and how much was written.
func (c *capture) Text() (string, int64) { return c.text() }

// ServeEnv is the variable by which Run has this binary serve.
const ServeEnv = serveEnv

var (
	NewCapture     = newCapture
	NewCertificate = newCertificate
	ParseHandshake = parseHandshake
	LineFault      = lineFault
	SnapshotTimes  = snapshotTimes
	SnapshotPolicy = snapshotPolicy
	SnapshotKeys   = snapshotKeys
	KeyFault       = keyFault
	OutcomeFault   = outcomeFault
	OrderFault     = orderFault
	CoreFault      = coreFault
)

// Faults are the faulty configurations that a schema gives: unknown, mistyped
// and incomplete, each as its path and its text.
func Faults(schema, config string) (list [][2]string, err error) {
	s, err := readSchema([]byte(schema))
	if err != nil {
		return nil, err
	}
	if err := s.takes(config); err != nil {
		return nil, err
	}
	if err := s.defaultFault(); err != nil {
		return nil, err
	}
	for _, from := range []func(string) []fault{s.unknown, s.mistyped, s.incomplete} {
		for _, f := range from(config) {
			list = append(list, [2]string{f.path, f.config})
		}
	}
	return list, nil
}
