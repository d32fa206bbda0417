package host_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headgate-io/headgate/sdk/host"
)

// A pipe in the plugin's place has no end to wait for.
func TestAPipeIsNoPlugin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := host.Start(ctx, host.Command{Path: path}, host.Options{})
	if err == nil {
		_ = conn.Close(ctx)
		t.Fatal("a pipe was started")
	}
	if ctx.Err() != nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, %v", err, ctx.Err())
	}
}
