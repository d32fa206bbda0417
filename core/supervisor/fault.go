package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// crime is what a plugin did instead of answering.
type crime uint8

const (
	died crime = iota + 1
	hung
	overran // its answer is too large
	broke   // its answer breaks the wire's rules
)

// fault is a call that a plugin did not answer as it must.
type fault struct {
	crime crime
	what  string        // the details: signal: segmentation fault
	stack string        // what it last wrote, where it died
	fatal bool          // the process is of no use any more
	sent  bool          // it died by a signal that comes from without: of a person or of the kernel
	after time.Duration // since the call began
}

// settleTime is how long a process whose connection broke may take to be seen
// to end: reaping takes milliseconds.
const settleTime = 2 * time.Second

// judge tells what the error of a call that was in time says of the plugin. It is
// nothing when err is what the plugin itself says.
func judge(err error, p process, after time.Duration) (fault, bool) {
	switch {
	case errors.Is(err, host.ErrEnded):
		select {
		case <-p.Exited():
		case <-time.After(settleTime):
		}
		exit := p.Exit()
		return fault{crime: died, what: manner(exit), stack: exit.Tail, fatal: true, sent: sent(exit), after: after}, true
	case errors.Is(err, host.ErrTooLarge):
		return fault{crime: overran, what: err.Error(), after: after}, true
	case errors.Is(err, host.ErrBreach):
		return fault{crime: broke, what: err.Error(), after: after}, true
	}
	return fault{}, false
}

// manner is how a process ended.
func manner(e host.Exit) string {
	switch {
	case e.Signal != "":
		return "signal: " + e.Signal
	case e.At.IsZero():
		return "its connection broke"
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// sent tells the ends that any process may meet at any time: a person, an init
// system or the kernel short of memory sends these signals, and a plugin that is
// told to terminate ends well.
func sent(e host.Exit) bool {
	return slices.Contains([]string{"killed", "terminated", "interrupt", "hangup", "quit"}, e.Signal) || e.Signal == "" && e.Code == 0
}

func (f fault) String() string {
	switch f.crime {
	case died:
		return "the plugin crashed: " + f.what
	case hung:
		return "the plugin missed its deadline: " + f.what
	case overran:
		return "the plugin answered too much: " + f.what
	default:
		return "the plugin broke the wire: " + f.what
	}
}

// verdict is the outcome of an event that made a plugin fail so many times.
func (f fault) verdict(times int) sdk.Outcome {
	var did string
	switch f.crime {
	case died:
		did = "crashed the plugin"
	case hung:
		did = "made the plugin miss its deadline"
	case overran:
		did = "made the plugin answer too much"
	default:
		did = "made the plugin break the wire"
	}
	return sdk.Outcome{Verdict: sdk.Fail, Reason: fmt.Sprintf("%s %d times: %s", did, times, f.what), Stack: f.stack}
}

// errUnfit is wrapped by what is wrong with a plugin however often it is started.
var errUnfit = errors.New("plugin does not fit")

// Hopeless tells whether an error of [Process.Start] or [Process.Replace] comes
// again, however often the plugin is started, until somebody changes something.
func Hopeless(err error) bool {
	for _, of := range []error{errUnfit, host.ErrHash, host.ErrNotPlugin, host.ErrProtocol, host.ErrNoise, host.ErrUser, host.ErrLimits, fs.ErrNotExist, fs.ErrPermission} {
		if errors.Is(err, of) {
			return true
		}
	}
	_, refused := errors.AsType[sdk.Diagnostics](err)
	return refused
}
