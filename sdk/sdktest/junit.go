package sdktest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// The elements of JUnit's XML report, as its readers agree on them
// (https://github.com/testmoapp/junitxml).
type (
	junitSuites struct {
		XMLName  xml.Name   `xml:"testsuites"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Time     string     `xml:"time,attr"`
		Suite    junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string      `xml:"classname,attr"`
		Name    string      `xml:"name,attr"`
		Time    string      `xml:"time,attr"`
		Failure *junitCause `xml:"failure,omitempty"`
		Skipped *junitCause `xml:"skipped,omitempty"`
	}
	junitCause struct {
		Text string `xml:"message,attr"`
		Body string `xml:",chardata"`
	}
)

// junitName is what the cases of this suite are called together.
const junitName = "headgate.plugin.v1"

// JUnit writes results as a JUnit report: one test case a rule, skipped where
// it is not applicable.
func JUnit(w io.Writer, results []Result) error {
	s := junitSuite{Name: junitName, Tests: len(results)}
	var took time.Duration
	for _, r := range results {
		took += r.Took
		c := junitCase{Class: junitName, Name: r.Rule, Time: seconds(r.Took)}
		switch r.Verdict {
		case Fail:
			s.Failures++
			first, _, _ := strings.Cut(r.Reason, "\n")
			c.Failure = &junitCause{Text: printable(first), Body: printable(r.Doc + "\n" + r.Reason)}
		case NotApplicable:
			s.Skipped++
			c.Skipped = &junitCause{Text: printable(r.Reason)}
		}
		s.Cases = append(s.Cases, c)
	}
	s.Time = seconds(took)
	all := junitSuites{Tests: s.Tests, Failures: s.Failures, Skipped: s.Skipped, Time: s.Time, Suite: s}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("junit report: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s%s\n", xml.Header, text); err != nil {
		return fmt.Errorf("junit report: %w", err)
	}
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// printable takes out what XML 1.0 cannot hold: a plugin's last words may be
// anything.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
			return '?'
		}
		return r
	}, text)
}
