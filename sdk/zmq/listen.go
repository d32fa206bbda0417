package zmq

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// The TCP keepalive of every connection: the only sign of life of peers that
// have no heartbeats. A dead one is noticed after 15 + 3 * 5 s.
const (
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = 5 * time.Second
	keepAliveCount    = 3
)

// probeTimeout bounds the question whether a socket file has an owner. The
// answer comes from the kernel, not from the owner.
const probeTimeout = time.Second

func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount}
}

// listen binds e and returns the listener with the endpoint that reaches it.
func listen(e endpoint, mode fs.FileMode) (net.Listener, string, error) {
	config := net.ListenConfig{KeepAliveConfig: keepAlive()}
	if e.network == "tcp" {
		l, err := config.Listen(context.Background(), e.network, e.address)
		if err != nil {
			return nil, "", fmt.Errorf("zmq: %w", err)
		}
		return l, "tcp://" + l.Addr().String(), nil
	}
	config.Control = private
	l, err := config.Listen(context.Background(), e.network, e.address)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err = removeStale(e.address); err == nil {
			l, err = config.Listen(context.Background(), e.network, e.address)
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("zmq: %w", err)
	}
	// Where the mode set before the bind does not reach the file, this does.
	if err := os.Chmod(e.address, mode); err != nil {
		return nil, "", fmt.Errorf("zmq: %w", errors.Join(err, l.Close()))
	}
	return l, "ipc://" + e.address, nil
}

// removeStale removes a socket file that nobody answers on.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s exists and is not a socket; choose another path", path)
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		return errors.Join(fmt.Errorf("%s is in use by another process", path), conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}
