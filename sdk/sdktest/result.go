package sdktest

import "time"

// Verdict is what came of one rule.
type Verdict string

// The verdicts.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	NotApplicable Verdict = "not applicable" // nothing to try, or what it builds on failed
)

// Result is what came of one rule, and why.
type Result struct {
	Rule    string // a name of Rules
	Doc     string // what the rule asks, in one sentence
	Verdict Verdict
	Reason  string // of a Fail or NotApplicable
	Took    time.Duration
}
