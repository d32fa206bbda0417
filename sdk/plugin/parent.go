package plugin

import (
	"io"
	"os"
	"time"
)

// parentPoll is how often the parent is looked at, for systems where its death
// says nothing and for a stdin that a child keeps open. Gone within two seconds.
const parentPoll = time.Second

// watchParent ends this process when the router is gone: its end of our stdin
// closes, or somebody else has become our parent. Nothing that is under way can
// keep it.
func watchParent() {
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(orphaned)
		}()
	}
	parent := os.Getppid()
	go func() {
		for range time.Tick(parentPoll) {
			if os.Getppid() != parent {
				os.Exit(orphaned)
			}
		}
	}()
}

// orphaned is the exit status of a plugin whose router died.
const orphaned = 3
