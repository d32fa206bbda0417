package core_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/curve"
)

// taker notes the keys it is given.
type taker struct{ given [][]*curve.Secret }

func (t *taker) Rotate(secrets []*curve.Secret) (bool, error) {
	if n := len(t.given); n > 0 && slices.EqualFunc(t.given[n-1], secrets, func(a, b *curve.Secret) bool { return a.Public() == b.Public() }) {
		return false, nil
	}
	t.given = append(t.given, secrets)
	return true, nil
}

// A file that is read while it is written, is broken or gone changes nothing;
// what two readings agree on does.
func TestKeyFilesCountOnceTheyRest(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "router.curve")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		_ = os.Remove(path)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	cfg := config.Default()
	cfg.Dir = dir
	var socket taker
	var log bytes.Buffer
	reread := core.Rereading(&cfg, &config.Curve{Secret: "file:router.curve"}, &socket, zerolog.New(&log))
	old, fresh := curve.NewSecret(), curve.NewSecret()
	both := fresh.Reveal() + "\n" + old.Reveal() + "\n"

	write(old.Reveal()+"\n", 0o600)
	reread()
	reread()
	if len(socket.given) != 1 || len(socket.given[0]) != 1 {
		t.Fatalf("given %d times", len(socket.given))
	}
	write(both[:41], 0o600) // half of it is there: a valid file of one key
	reread()
	write(both, 0o600)
	reread()
	if len(socket.given) != 1 {
		t.Fatal("a file that was being written counts")
	}
	reread()
	if len(socket.given) != 2 || len(socket.given[1]) != 2 || socket.given[1][0].Public() != fresh.Public() {
		t.Fatalf("given %d times", len(socket.given))
	}
	for _, broken := range []func(){
		func() { write("nonsense\n", 0o600) },
		func() { write(both, 0o644) },
		func() { _ = os.Remove(path) },
	} {
		broken()
		reread()
		reread()
	}
	if n := strings.Count(log.String(), "is not good"); len(socket.given) != 2 || n != 3 {
		t.Fatalf("given %d times, told %d times:\n%s", len(socket.given), n, &log)
	}
	write(both, 0o600)
	reread()
	reread()
	if !strings.Contains(log.String(), "good again") {
		t.Errorf("log:\n%s", &log)
	}
	for _, secret := range []*curve.Secret{old, fresh} {
		if strings.Contains(log.String(), secret.Reveal()) {
			t.Error("a secret stands in the log")
		}
	}
}
