package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/headgate-io/headgate/configs"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/webhook"
)

const (
	starts       = 7                      // whatever the rounds: each is short
	startLimit   = 10 * time.Second       // for a first answer
	settleTime   = 300 * time.Millisecond // until a router that has started is idle
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

// start tells how soon the first event is accepted, and what an idle router takes.
func (b *bench) start(ctx context.Context) ([]*row, error) {
	began := &row{What: "start to first accepted event, quickstart without plugins", Unit: "ms", Aim: atMostValue(300)}
	idle := &row{What: "idle anonymous memory of the router", Unit: "MiB", Aim: atMostValue(rssAnonLimit)}
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
	for n := range starts {
		took, anon, err := b.startOnce(ctx, binary, filepath.Join(b.dir, fmt.Sprintf("start-%d", n)))
		switch {
		case errors.Is(err, os.ErrNotExist):
			idle.Missing = noProc
		case err != nil:
			return nil, err
		default:
			idle.Measured = append(idle.Measured, anon)
		}
		began.Measured = append(began.Measured, float64(took)/float64(time.Millisecond))
	}
	began.Note = fmt.Sprintf("%d starts, each with a new data directory", starts)
	return rows, nil
}

// startOnce runs the binary in dir until it has accepted an event and been idle
// for a while, and gives its anonymous memory in MiB. Without /proc the error
// is os.ErrNotExist, and took is good all the same.
func (b *bench) startOnce(ctx context.Context, binary, dir string) (took time.Duration, anon float64, err error) {
	text, door, err := freeQuickstart()
	if err != nil {
		return 0, 0, err
	}
	secret := webhook.NewSecret()
	signer, err := webhook.NewHMACSigner(secret)
	if err != nil {
		return 0, 0, err
	}
	err = config.WriteKey(filepath.Join(dir, "keys"), config.Key{ID: keyID, Principal: "edge", State: "active", Sources: []string{"**"}, Types: []string{"com.example.**"}}, webhook.FormatSecret(secret))
	if err != nil {
		return 0, 0, err
	}
	path := filepath.Join(dir, "headgate.toml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return 0, 0, err
	}
	request := newShots(order{requests: 1, batch: 1, kind: commanded, keyID: keyID, signer: signer}).at(0)
	cmd := exec.CommandContext(ctx, binary, "run", "--config", path, "--log-level", "error")
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	defer func() {
		_ = cmd.Process.Kill() // it holds nothing that matters
		_ = cmd.Wait()
	}()
	if err := firstAccepted(ctx, door, request, began.Add(startLimit)); err != nil {
		return 0, 0, err
	}
	took = time.Since(began)
	select {
	case <-ctx.Done():
		return took, 0, ctx.Err()
	case <-time.After(settleTime):
	}
	anon, err = rssAnon(cmd.Process.Pid)
	return took, anon, err
}

// freeQuickstart gives the quickstart with each of its ports replaced by a free
// one, and the door's address.
func freeQuickstart() (text []byte, door string, err error) {
	var pairs []string
	for _, port := range []string{":5555", ":5556", ":5557", ":8080"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, "", err
		}
		defer l.Close() // all at the end, so that no port comes twice
		door = l.Addr().String()
		pairs = append(pairs, port, ":"+strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(configs.Quickstart))), door, nil
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
