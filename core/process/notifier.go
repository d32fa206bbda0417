package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Notifier tells the service manager how this process is: sd_notify(3), one
// datagram each time. Without a NOTIFY_SOCKET it tells nobody. It is safe for
// concurrent use.
type Notifier struct {
	manager  *net.UnixAddr // nil for none
	watchdog time.Duration // within which it wants to hear from us; zero for never
}

// sendTime bounds what a service manager that does not read may cost.
const sendTime = time.Second

// NewNotifier reads NOTIFY_SOCKET, a path or, after @, an abstract name, and what
// sd_watchdog_enabled(3) does, WATCHDOG_USEC and WATCHDOG_PID, as getenv has them.
func NewNotifier(getenv func(string) string) (*Notifier, error) {
	n := new(Notifier)
	at := getenv("NOTIFY_SOCKET")
	if at == "" {
		return n, nil
	}
	if at[0] != '/' && at[0] != '@' {
		return nil, fmt.Errorf("NOTIFY_SOCKET %q is neither a path nor an abstract socket: take it out of the environment", at)
	}
	n.manager = &net.UnixAddr{Net: "unixgram", Name: at}
	within := getenv("WATCHDOG_USEC")
	if pid := getenv("WATCHDOG_PID"); within == "" || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return n, nil // it is another's
	}
	const longest = 1 << 50 // microseconds, 35 years: what a time.Duration holds
	usec, err := strconv.ParseUint(within, 10, 64)
	if err != nil || usec == 0 || usec > longest {
		return nil, fmt.Errorf("WATCHDOG_USEC %q is no number of microseconds: take it out of the environment", within)
	}
	n.watchdog = time.Duration(usec) * time.Microsecond
	return n, nil
}

// Ready tells that start or reload are over, and what a person may want to know.
func (n *Notifier) Ready(status string) error {
	return n.send("READY=1", "STATUS="+oneLine(status))
}

// Reloading tells that files are read again. Ready has to follow.
func (n *Notifier) Reloading() error {
	return n.send("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", monotonic().Microseconds()), "STATUS=reloading")
}

// Stopping tells that the process ends, within a time.
func (n *Notifier) Stopping(within time.Duration) error {
	return n.send("STOPPING=1", fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", within.Microseconds()), "STATUS=draining")
}

// Watch tells that the process is alive as long as look returns, until ctx ends.
// Without a watchdog it returns at once.
func (n *Notifier) Watch(ctx context.Context, look func()) {
	if n.watchdog == 0 {
		return
	}
	tick := time.NewTicker(n.watchdog / 2) // as sd_watchdog_enabled(3) advises
	defer tick.Stop()
	for {
		look()
		_ = n.send("WATCHDOG=1") // who has not heard it ends the process, unless it hears the next
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// send connects anew each time: a service manager that was itself restarted is
// found again.
func (n *Notifier) send(assignments ...string) error {
	if n.manager == nil {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, n.manager)
	if err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	defer c.Close()
	err = c.SetWriteDeadline(time.Now().Add(sendTime))
	if err == nil {
		_, err = c.Write([]byte(strings.Join(assignments, "\n")))
	}
	if err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	return nil
}

// oneLine keeps a text from being more than one assignment.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " ") }
