package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// childPatience bounds the wait for a child's end; it is killed then.
const childPatience = 10 * time.Second

// child is a process of the benchmark. It prints lines, the first one when it
// is ready.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	role bool // it ends when its standard input does
}

// spawn starts a program. Its end comes with end or kill, or with ctx.
func spawn(ctx context.Context, program string, args ...string) (*child, error) {
	c := &child{cmd: exec.CommandContext(ctx, program, args...)}
	c.cmd.Stderr = os.Stderr
	c.cmd.WaitDelay = childPatience
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.out = in, bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	return c, nil
}

// role starts this program in a role and waits until it is ready.
func (b *bench) role(ctx context.Context, profile string, args ...string) (c *child, ready string, err error) {
	if c, err = spawn(ctx, b.self, append([]string{roleArg, profile}, args...)...); err != nil {
		return nil, "", err
	}
	c.role = true
	if ready, err = c.line(); err != nil {
		c.kill()
		return nil, "", fmt.Errorf("role %s: %w", args[0], err)
	}
	return c, ready, nil
}

// line reads the next line that the child prints.
func (c *child) line() (string, error) {
	text, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("it ended early: %w", err)
	}
	return strings.TrimSpace(text), nil
}

// end asks a role to end and waits for it; any other program is killed. What a
// process may have to say by then is of no use.
func (c *child) end() {
	if !c.role {
		c.kill()
		return
	}
	_ = c.in.Close()
	limit := time.AfterFunc(childPatience, func() { _ = c.cmd.Process.Kill() })
	defer limit.Stop()
	_ = c.cmd.Wait()
}

// kill ends the child at once.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have ended already
	_ = c.cmd.Wait()         // says that it was killed
}
