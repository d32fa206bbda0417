// Command beast is a plugin that behaves as badly as it is told to: by an event's
// extension beast, by its configuration, or from its start on by the variable
// BEAST. What it is told nothing of it marks.
package main

import (
	"cmp"
	"context"
	"fmt"
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
	}
	plugin.Serve(sdk.TransformFunc("beast", cmp.Or(os.Getenv("VERSION"), "1.0.0"), apply))
}

func apply(_ context.Context, c config, e *sdk.Event) error {
	what, _ := e.Extension("beast")
	do(cmp.Or(c.Do, what))
	e.Data = fmt.Appendf(nil, `{"by":%q,"was":%s}`, c.Mark, e.Data)
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
