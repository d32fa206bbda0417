package host

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// outputGrace is how long the output of an ended process is still read: a child
// of its own in another group may hold it open for ever.
const outputGrace = 500 * time.Millisecond

// process is one run of an image. Its life is start, exited, and nothing after.
type process struct {
	image     *image
	limits    Limits
	user      string
	directory string // of its socket
	env       []string
	output    *printed

	pid      int
	first    *os.File // what go-plugin reads as its stdout: the handshake's line, checked
	fault    error    // what is wrong with the handshake; set before first ends
	socket   string   // where it listens
	impostor atomic.Pointer[error]
	ended    chan struct{} // closed when it is no more
	exited   chan struct{} // closed when its output was read, too, and exit is known
	exit     Exit
	mu       sync.Mutex
	reaped   bool
	killed   bool // by us, though it may have ended by itself before
	boundary string
}

// pipes are the plugin's ends and ours.
type pipes struct{ in, inOurs, out, outOurs, err, errOurs, told, toldOurs *os.File }

func newPipes() (p *pipes, err error) {
	p = &pipes{}
	for _, x := range []struct{ r, w **os.File }{{&p.in, &p.inOurs}, {&p.outOurs, &p.out}, {&p.errOurs, &p.err}, {&p.toldOurs, &p.told}} {
		if *x.r, *x.w, err = os.Pipe(); err != nil {
			p.close(p.in, p.inOurs, p.out, p.outOurs, p.err, p.errOurs, p.told, p.toldOurs)
			return nil, fmt.Errorf("making pipes for a plugin: %w", err)
		}
	}
	return p, nil
}

func (p *pipes) close(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// start runs the image. When it errs nothing runs; else the process is waited for
// by goroutines of its own, which end soon after it.
func (p *process) start() error {
	attributes, err := p.attributes()
	if err != nil {
		return err
	}
	pipes, err := newPipes()
	if err != nil {
		return err
	}
	command := &exec.Cmd{
		Path: p.image.path, Args: p.image.args, Env: p.env, Dir: "/",
		Stdin: pipes.in, Stdout: pipes.out, Stderr: pipes.err, SysProcAttr: attributes,
	}
	if p.image.file != nil && p.image.filePath() != p.image.file.Name() {
		command.ExtraFiles = []*os.File{p.image.file}
	}
	started := make(chan error)
	go func() {
		err := spawn(command, p.limits, p.image.file != nil)
		pipes.close(pipes.in, pipes.out, pipes.err)
		if err != nil {
			pipes.close(pipes.inOurs, pipes.outOurs, pipes.errOurs, pipes.told, pipes.toldOurs)
			started <- err
			return
		}
		p.began(command.Process.Pid)
		p.first = pipes.toldOurs
		started <- nil
		p.live(command, pipes)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting plugin %s: %w", p.image.args[0], err)
	}
	return nil
}

// attributes of the process: its own group, its user, and its end with us.
func (p *process) attributes() (*syscall.SysProcAttr, error) {
	a := &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(a)
	p.boundary = "none"
	if p.user == "" {
		return a, nil
	}
	return a, p.become(p.user, a)
}

// live reads what the process prints and waits for its end.
func (p *process) live(command *exec.Cmd, pipes *pipes) {
	ended, end := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	readers.Go(func() { p.output.read(ended, newReader(pipes.errOurs), "") })
	readers.Go(func() { p.stdout(ended, newReader(pipes.outOurs), pipes.told) })

	at := p.reap(command)
	close(p.ended)
	end()
	_ = pipes.errOurs.SetReadDeadline(at.Add(outputGrace))
	_ = pipes.outOurs.SetReadDeadline(at.Add(outputGrace))
	readers.Wait()
	p.output.flush()
	pipes.close(pipes.inOurs, pipes.errOurs, pipes.outOurs, pipes.toldOurs)
	p.exit = Exit{Code: command.ProcessState.ExitCode(), Tail: p.output.last(), At: at}
	if status, ok := command.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		p.exit.Signal = status.Signal().String()
	}
	close(p.exited)
}

// stdout passes the handshake on to go-plugin and all else to the log.
func (p *process) stdout(ended context.Context, r *bufio.Reader, told *os.File) {
	line, err := readHandshake(r, p.directory)
	if err == nil {
		_, _ = io.WriteString(told, line) // nobody reads it when we gave up before
	} else if err != io.EOF {
		p.fault = err
	} else { // it ends, most likely: let it say why
		select {
		case <-ended.Done():
		case <-time.After(outputGrace):
		}
	}
	told.Close()
	p.output.read(ended, r, "stdout")
}

// began notes the process, which may be unwanted already.
func (p *process) began(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = pid
	if p.killed {
		p.killGroup()
	}
}

// kill ends the process and its group. It may be called at any time, and counts
// for a process that has yet to begin.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	if p.pid != 0 && !p.reaped { // else the group's number may be another's
		p.killGroup()
	}
}

func (p *process) killGroup() { _ = syscall.Kill(-p.pid, syscall.SIGKILL) }
