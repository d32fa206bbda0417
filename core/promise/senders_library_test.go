package promise_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// library makes, signs and posts events by libraries that nobody here wrote, as a
// process: one of testdata/senders.
type library struct {
	*testing.T
	process  *exec.Cmd
	requests io.WriteCloser
	answers  *bufio.Scanner
	exact    time.Duration // of a time, what the library keeps
}

// npmSender is the packages cloudevents and standardwebhooks.
func npmSender(t *testing.T, to, secret string) *library {
	t.Helper()
	node, err := exec.LookPath("node")
	requireHere(t, "node 20 or later", err)
	_, err = os.Stat("testdata/senders/node_modules/cloudevents")
	requireHere(t, "what npm ci installs in core/promise/testdata/senders", err)
	return startSender(t, time.Millisecond, to, secret, node, "testdata/senders/sender.mjs")
}

// goSender is github.com/cloudevents/sdk-go and github.com/standard-webhooks.
func goSender(t *testing.T, to, secret string) *library {
	t.Helper()
	const module = "testdata/senders/go"
	requireHere(t, "what "+module+" is built of", exec.Command("go", "-C", module, "mod", "download").Run())
	program := filepath.Join(t.TempDir(), "sender")
	cmd := exec.Command("go", "build", "-C", module, "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return startSender(t, time.Nanosecond, to, secret, program)
}

func startSender(t *testing.T, exact time.Duration, to, secret, program string, args ...string) *library {
	t.Helper()
	cmd := exec.Command(program, append(args, text(t, map[string]string{"url": to, "secret": secret}))...)
	cmd.Stderr = os.Stderr
	requests, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = requests.Close() // which ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("sender: %v", err)
		}
	})
	return &library{t, cmd, requests, bufio.NewScanner(answers), exact}
}

// told is what a sender says became of a request.
type told struct {
	OK     *bool // whether its library takes that for a success; nil where it does not tell
	Answer answer
	Threw  string // why the library made no request of it
}

// send has events sent in one of the ways that the sender knows: with a token,
// or signed.
func (s *library) send(way, token string, events ...shape) (a told) {
	s.Helper()
	if _, err := io.WriteString(s.requests, text(s.T, map[string]any{"way": way, "token": token, "events": events})+"\n"); err != nil {
		s.Fatal(err)
	}
	hung := time.AfterFunc(patience, func() { _ = s.process.Process.Kill() })
	defer hung.Stop()
	if !s.answers.Scan() {
		s.Fatalf("the sender says no more: %v", s.answers.Err())
	}
	if err := json.Unmarshal(s.answers.Bytes(), &a); err != nil {
		s.Fatalf("the sender says %s: %v", s.answers.Bytes(), err)
	}
	if said := a.says(); a.OK != nil && *a.OK != (said == "accepted" || said == "duplicate" || a.Answer.Results != nil) {
		s.Errorf("its library takes %s for a success: %t", s.answers.Bytes(), *a.OK)
	}
	return a
}

// says is what the router said, a status or a problem's code, or that it was not
// asked: not every library tells the status of HTTP.
func (a told) says() string {
	if status, is := a.Answer.Status.(string); is {
		return status
	}
	if a.Threw != "" {
		return threw
	}
	return a.Answer.Code
}

const threw = "threw"
