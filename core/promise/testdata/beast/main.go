// Command beast is a plugin that behaves as badly as it is told to: by an event's
// extension beast, by its configuration, or from its start on by the variable
// BEAST. What it is told nothing of it marks.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/plugin"
)

type config struct {
	Mark string `json:"mark" default:"beast" min:"1" doc:"whose mark the data bears"`
	Seal string `json:"seal" secret:"true" doc:"what its mark ends with"`
	Do   string `json:"do" doc:"what to do to every event, as the extension beast says it of one"`
	Fail string `json:"fail" doc:"what to do while it is configured"`
}

// Validate is where a plugin can go wrong before it has served anything.
func (c *config) Validate() error {
	do(c.Fail)
	return nil
}

func main() {
	switch os.Getenv("BEAST") {
	case "silent":
		time.Sleep(time.Hour)
	case "noise":
		fmt.Println("beast is loading its model ...")
	case "tomorrow": // as a plugin of a later protocol says where it listens
		fmt.Printf("1|2|unix|%s/later|grpc|bm9uZQ\n", os.Getenv("PLUGIN_UNIX_SOCKET_DIR"))
		time.Sleep(time.Hour)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP)
	case "late":
		late(os.Getenv("STATE"))
	}
	var options []sdk.Option
	if os.Getenv("REDACTS") != "" {
		options = append(options, sdk.Redacting())
	}
	plugin.Serve(sdk.TransformFunc("beast", cmp.Or(os.Getenv("VERSION"), "1.0.0"), apply, options...))
}

// late ends at its first two starts, which it counts in a file, and then waits for
// another file.
func late(state string) {
	f, err := os.OpenFile(state, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString("x")
	}
	before, statErr := f.Seek(0, io.SeekEnd)
	if err != nil || statErr != nil || before <= 2 {
		os.Exit(9)
	}
	for {
		if _, err := os.Stat(state + ".go"); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func apply(_ context.Context, c config, e *sdk.Event) error {
	what, _ := e.Extension("beast")
	do(cmp.Or(c.Do, what))
	e.Data = fmt.Appendf(nil, `{"by":%q,"was":%s}`, c.Mark+c.Seal, e.Data)
	return nil
}

// do does what it is told, and some of it has no end.
func do(what string) {
	switch what {
	case "exit":
		os.Exit(9)
	case "nil":
		go poisoned(nil)
		select {}
	case "segv":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		select {}
	case "hang":
		select {}
	case "spin":
		for time.Now().Year() > 0 {
		}
	case "hog":
		for hoard := [][]byte{}; ; {
			hoard = append(hoard, make([]byte, 64<<20))
		}
	case "slow":
		time.Sleep(20 * time.Millisecond)
	case "log":
		for i := range 1000 {
			slog.Info("a beast roars", "line", i)
		}
	}
}

// poisoned is the function that a stack has to name.
func poisoned(p *int) { *p = 1 }
