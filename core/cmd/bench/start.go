package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/supervisor"
)

const (
	starts       = 7                      // whatever the rounds: each is short
	startLimit   = 10 * time.Second       // for a first answer
	settleTime   = 300 * time.Millisecond // until a router that has started is idle
	startAim     = 300                    // ms
	rssAnonLimit = 60                     // MiB
	binaryLimit  = 60                     // MB
)

// footprint is S8: start, and what connections take.
func (b *bench) footprint(ctx context.Context) ([]*row, error) {
	rows, err := b.start(ctx)
	if err != nil {
		return nil, err
	}
	more, err := b.connections(ctx)
	return append(rows, more...), err
}

// start tells how soon the first event is accepted by a router that has two
// plugins on the event's route, and what an idle one takes.
func (b *bench) start(ctx context.Context) ([]*row, error) {
	began := &row{What: "start to first accepted event, quickstart with two plugins on its route", Unit: "ms", Against: "without plugins", Aim: atMostValue(startAim)}
	idle := &row{What: "idle anonymous memory of the router, its plugins apart", Unit: "MiB", Against: "without plugins", Aim: atMostValue(rssAnonLimit)}
	size := &row{What: "binary, -trimpath -ldflags '-s -w'", Unit: "MB", Aim: atMostValue(binaryLimit)}
	rows := []*row{began, idle, size}
	binary := filepath.Join(b.dir, "headgate")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "github.com/headgate-io/headgate/core/cmd/headgate")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		for _, r := range rows {
			r.Missing = fmt.Sprintf("headgate cannot be built here: %v %s", err, bytes.TrimSpace(out))
		}
		return rows, nil
	}
	info, err := os.Stat(binary)
	if err != nil {
		return nil, err
	}
	size.Measured = []float64{float64(info.Size()) / 1e6}
	beside := make(map[string][]float64) // MiB of the plugins
	for n := range starts {
		without, err := b.startOnce(ctx, binary, filepath.Join(b.dir, fmt.Sprintf("start-%d", n)), false)
		if err != nil {
			return nil, err
		}
		with, err := b.startOnce(ctx, binary, filepath.Join(b.dir, fmt.Sprintf("start-%d-plugins", n)), true)
		if err != nil {
			return nil, err
		}
		began.add(millis(without.took), millis(with.took))
		if withoutProc() != "" {
			idle.Missing = withoutProc()
			continue
		}
		idle.add(without.anon, with.anon)
		for name, anon := range with.plugins {
			beside[name] = append(beside[name], anon)
		}
	}
	began.Note = fmt.Sprintf("%d starts of each, all with a new data directory; every start makes a process, a key pair and a connection for each plugin before the door opens", starts)
	for _, name := range slices.Sorted(maps.Keys(beside)) {
		idle.Note += fmt.Sprintf("; plugin %s takes %s beside it", name, quantity(summarize(beside[name]).Median, idle.Unit))
	}
	idle.Note = strings.TrimPrefix(idle.Note, "; ")
	return rows, nil
}

// started is a router that has accepted its first event and been idle for a
// while.
type started struct {
	took    time.Duration
	anon    float64            // MiB, zero without /proc
	plugins map[string]float64 // the same of its plugins
}

// startOnce runs the binary in dir.
func (b *bench) startOnce(ctx context.Context, binary, dir string, plugins bool) (s started, err error) {
	path, door, signer, err := layQuickstart(dir, plugins)
	if err != nil {
		return s, err
	}
	request := newShots(order{requests: 1, batch: 1, kind: commanded, keyID: keyID, signer: signer}).at(0)
	cmd := exec.CommandContext(ctx, binary, "run", "--config", path, "--log-level", "error")
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return s, err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // killed it would leave its plugins' sockets behind
		limit := time.AfterFunc(childPatience, func() { _ = cmd.Process.Kill() })
		defer limit.Stop()
		_ = cmd.Wait()
	}()
	if err := firstAccepted(ctx, door, request, began.Add(startLimit)); err != nil {
		return s, err
	}
	s.took = time.Since(began)
	select {
	case <-ctx.Done():
		return s, ctx.Err()
	case <-time.After(settleTime):
	}
	err = s.weigh(ctx, cmd.Process.Pid, datadir.Socket(filepath.Join(dir, "headgate-data")))
	if err == nil && plugins && withoutProc() == "" && len(s.plugins) != 2 {
		err = fmt.Errorf("%d plugins run where two were asked for", len(s.plugins))
	}
	return s, err
}

// weigh takes the memory of a router and of its plugins.
func (s *started) weigh(ctx context.Context, pid int, socket string) (err error) {
	if withoutProc() != "" {
		return nil
	}
	if s.anon, err = rssAnon(pid); err != nil {
		return err
	}
	top, err := admin.NewClient(socket).Top(ctx)
	if err != nil {
		return err
	}
	s.plugins = make(map[string]float64)
	for _, p := range top.Plugins {
		if p.State != supervisor.Ready {
			return fmt.Errorf("plugin %s is %s after the start: %s", p.Name, p.State, p.LastError)
		}
		if s.plugins[p.Name], err = rssAnon(p.PID); err != nil {
			return fmt.Errorf("plugin %s: %w", p.Name, err)
		}
	}
	return nil
}

// firstAccepted posts until the request is accepted.
func firstAccepted(ctx context.Context, address string, request []byte, until time.Time) error {
	for ctx.Err() == nil && time.Now().Before(until) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		l := line{conn: conn}
		_ = conn.SetDeadline(until)
		err = l.post(request)
		_ = conn.Close()
		if err != nil {
			return err
		}
		if l.accepted != 1 {
			return errors.New("the first event was refused")
		}
		return nil
	}
	return errors.New("the router does not start")
}
