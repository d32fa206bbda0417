package sdktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// maxRequest is more than a router sends, to see that a plugin refuses it.
const maxRequest = 4 * wire.MaxBytes

// outputGrace is how long the pipes of an ended process stay open for what it
// wrote last. A child of it that holds them is not waited for.
const outputGrace = 500 * time.Millisecond

// process is a running plugin. It is started by hand, not by package host, so
// that it can be started wrongly and seen from outside.
type process struct {
	handshake
	limits    limits
	cmd       *exec.Cmd
	stdin     io.Closer
	out, logs *capture
	dir       string        // of its socket
	ended     chan struct{} // closed when it was waited for
	conn      *grpc.ClientConn

	plugin     pluginv1.PluginServiceClient
	transforms pluginv1.TransformServiceClient
	providers  pluginv1.ProviderServiceClient
}

// launch starts the plugin with an environment of exactly env and the place for
// its socket. The caller calls end.
func (x *subject) launch(env map[string]string) (*process, error) {
	cmd, err := plainCommand(x.command)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "hg") // short, for a socket's path has 107 bytes at most
	if err != nil {
		return nil, fmt.Errorf("socket directory: %w", err)
	}
	p := &process{limits: x.limits, cmd: cmd, out: newCapture(), logs: newCapture(), dir: dir, ended: make(chan struct{})}
	cmd.Env = []string{"PLUGIN_UNIX_SOCKET_DIR=" + dir, "TMPDIR=" + p.scratch()}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = p.out, p.logs
	cmd.WaitDelay = outputGrace
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err = os.Mkdir(p.scratch(), 0o700); err == nil {
		p.stdin, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("plugin cannot be started: %w", err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // ProcessState tells the same
	}()
	return p, nil
}

// greet waits for the handshake.
func (p *process) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.limits.start)
	defer cancel()
	for {
		line, whole, changed := p.out.line()
		if whole {
			h, err := parseHandshake(line, p.dir)
			p.handshake = h
			return err
		}
		select {
		case <-changed:
		case <-p.ended:
			if _, whole, _ := p.out.line(); !whole {
				return fmt.Errorf("it ended before its handshake: %s", p.obituary())
			}
		case <-ctx.Done():
			return fmt.Errorf("no handshake within %s of its start", p.limits.start)
		}
	}
}

// connect makes the way to it. Nothing is sent yet.
func (p *process) connect(c credentials.TransportCredentials) (*grpc.ClientConn, error) {
	return grpc.NewClient("unix://"+p.address, grpc.WithTransportCredentials(c), grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxBytes), grpc.MaxCallSendMsgSize(maxRequest)))
}

// alive errs when it has ended.
func (p *process) alive() error {
	select {
	case <-p.ended:
		return fmt.Errorf("the process died: %s", p.obituary())
	default:
		return nil
	}
}

// deathNotice is how long a broken call waits for the end of the process that
// would explain it.
const deathNotice = 200 * time.Millisecond

// why explains a call's error: by time, which gRPC tells in many ways, or by the
// process's end, after which gRPC finds it unavailable.
func (p *process) why(err error) error {
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return status.Error(codes.DeadlineExceeded, "no answer in time")
	case codes.Unavailable:
	default:
		return err
	}
	select {
	case <-p.ended:
		return p.alive()
	case <-time.After(deathNotice):
		return err
	}
}

// gone waits for its end. It errs when it takes longer than so long.
func (p *process) gone(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("it still runs after %s", within)
	}
}

// code is the exit status of an ended process, -1 after a signal.
func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }

// obituary says how an ended process ended, with its last words.
func (p *process) obituary() string {
	text, _ := p.logs.text()
	words := lastWords(text)
	if words == "" {
		return p.cmd.ProcessState.String() + ", without a word on stderr"
	}
	return p.cmd.ProcessState.String() + ", its last words: " + quoted(words)
}

// lastWords are what a process wrote last, and where Go ended it the line that
// says why: what follows is only the way there.
func lastWords(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return lines[i]
		}
	}
	return lines[len(lines)-1]
}

// orphans tells whether processes of its group outlive it.
func (p *process) orphans() bool { return syscall.Kill(-p.cmd.Process.Pid, 0) == nil }

// scratch is its directory for temporary files, where leavings show.
func (p *process) scratch() string { return filepath.Join(p.dir, "tmp") }

// kill ends it and its group at once.
func (p *process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) } // it may be gone

// end kills what is left of it and waits. It takes outputGrace at most.
func (p *process) end() {
	if p.conn != nil {
		_ = p.conn.Close() // there is nobody left to tell
	}
	p.kill()
	<-p.ended
	_ = os.RemoveAll(p.dir) // a private directory below the system's temporary one
}

// plainCommand is how a shell would start the plugin.
func plainCommand(c host.Command) (*exec.Cmd, error) {
	if len(c.Self) > 0 {
		own, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("own executable: %w", err)
		}
		return exec.Command(own, c.Self...), nil
	}
	if c.Path == "" {
		return nil, errors.New("the plugin's command names no path")
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, fmt.Errorf("plugin path: %w", err)
	}
	args := append([]string{path}, c.Args...)
	if len(c.Interpreter) > 0 {
		interpreter, err := lookPath(c.Interpreter[0])
		if err != nil {
			return nil, err
		}
		args = slices.Concat([]string{interpreter}, c.Interpreter[1:], args)
	}
	return exec.Command(args[0], args[1:]...), nil
}

// searchPath is where package host looks for interpreters, and the PATH that it
// gives.
const searchPath = "/usr/local/bin:/usr/bin:/bin"

func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(searchPath) {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("the interpreter %s is not in %s", name, searchPath)
}
