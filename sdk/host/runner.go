package host

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/hashicorp/go-plugin/runner"
)

// processRunner is a process as go-plugin knows it. What the process prints is
// read by ourselves: go-plugin gets the handshake's line and nothing else.
type processRunner struct{ *process }

var _ runner.Runner = processRunner{}

func (r processRunner) Start(context.Context) error { return r.start() }

// Wait returns when the process has ended and all of its output was read. That
// it ended badly is no error: Exit says it.
func (r processRunner) Wait(context.Context) error {
	<-r.exited
	return nil
}

func (r processRunner) Kill(context.Context) error {
	r.kill()
	return nil
}

// ID is never empty, for go-plugin would then forget to clean up.
func (r processRunner) ID() string                      { return "pid " + strconv.Itoa(r.pid) }
func (r processRunner) Name() string                    { return r.image.args[0] }
func (r processRunner) Diagnose(context.Context) string { return "" }
func (r processRunner) Stdout() io.ReadCloser           { return r.first }
func (r processRunner) Stderr() io.ReadCloser           { return io.NopCloser(strings.NewReader("")) }

func (r processRunner) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

func (r processRunner) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
