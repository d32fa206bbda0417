package consumer_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// ring is a file of producers that has key as till's.
func ring(t testing.TB, key ed25519.PrivateKey) string {
	t.Helper()
	text, err := json.Marshal(map[string]map[string][]jwk.Key{"//shop.example/*": {"keys": {{ID: "till", Public: key.Public()}}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// keysOf is a file of router keys.
func keysOf(t testing.TB, keys ...ed25519.PublicKey) string {
	t.Helper()
	text, err := json.Marshal(delivery.NewKeys(keys...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// mount is a directory as Kubernetes has one: files are links through ..data,
// which is swapped.
type mount struct {
	dir string
	n   int
}

func (m *mount) put(t testing.TB, files map[string]string) {
	t.Helper()
	m.n++
	version := "..v" + strconv.Itoa(m.n)
	if err := os.Mkdir(filepath.Join(m.dir, version), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		write(t, filepath.Join(m.dir, version, name), text)
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(m.dir, name)); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	next := filepath.Join(m.dir, "..next")
	if err := os.Symlink(version, next); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(m.dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

// logged is a log that is looked at while it is written.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// TestFilesOfKeysAreLookedAt follows a running consumer through what becomes of
// its two files.
func TestFilesOfKeysAreLookedAt(t *testing.T) {
	r := newRouter(t)
	at := mount{dir: t.TempDir()}
	first := keysOf(t, public(routerKey))
	at.put(t, map[string]string{"keys.json": first, "producers.json": ring(t, tillKey)})
	var log logged
	o := r.options()
	o.Keys = consumer.KeysFromFile(filepath.Join(at.dir, "keys.json"))
	o.Producers = consumer.ProducersFromFile(filepath.Join(at.dir, "producers.json"))
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.SetLookPause(time.Millisecond)
	run(t, c, nothing)
	n := 0
	taken := func(key ed25519.PrivateKey, router ed25519.PrivateKey) {
		t.Helper()
		n++
		r.deliver(order{event: signedOrder(t, key, n, ``), key: router})
		if reply := r.next(); reply.ID != id(n) || reply.Status != delivery.StatusDone {
			t.Fatalf("reply is %+v", reply)
		}
	}
	refused := func(check string, key ed25519.PrivateKey, router ed25519.PrivateKey) {
		t.Helper()
		n++
		before := c.Counts().Refused[check]
		r.deliver(order{event: signedOrder(t, key, n, ``), key: router})
		await(t, "refusal", func() bool { return c.Counts().Refused[check] == before+1 })
	}
	changes := 0
	change := func(keys, producers string, files int) {
		t.Helper()
		at.put(t, map[string]string{"keys.json": keys, "producers.json": producers})
		changes += files
		await(t, "the change", func() bool { return log.count("changed keys read") == changes })
	}
	taken(tillKey, nil)
	refused("producer", otherKey, nil)

	// What cannot be used changes nothing, and is told once, however often it is
	// looked at: the other file is changed meanwhile.
	second := keysOf(t, public(routerKey), public(otherKey))
	for i, broken := range []string{`{"//shop`, ``, `{}`} {
		change([]string{second, first}[i%2], broken, 1)
		change([]string{first, second}[i%2], broken, 1)
		change([]string{second, first}[i%2], broken, 1)
		if told := log.count("cannot be used"); told != i+1 {
			t.Errorf("%q: told %d times", broken, told)
		}
		taken(tillKey, nil)
		refused("producer", otherKey, nil)
	}
	at.put(t, map[string]string{}) // neither file is there
	await(t, "word of both", func() bool { return log.count("no such file") == 2 })
	taken(tillKey, nil)

	// A key that comes counts, and one that goes does no more.
	change(second, ring(t, otherKey), 1)
	taken(otherKey, nil)
	refused("producer", tillKey, nil)
	change(keysOf(t, public(otherKey)), ring(t, otherKey), 1)
	taken(otherKey, otherKey)
	refused("kid", otherKey, routerKey)

	// That last one has waited for its key.
	change(first, ring(t, otherKey), 1)
	if reply := r.next(); reply.ID != id(n) || reply.Status != delivery.StatusDone {
		t.Fatalf("reply is %+v", reply)
	}

	// Written in place, with as many bytes.
	write(t, filepath.Join(at.dir, "producers.json"), ring(t, tillKey))
	changes++
	await(t, "the change", func() bool { return log.count("changed keys read") == changes })
	taken(tillKey, nil)
	refused("producer", otherKey, nil)
}

func TestSubscriberLooksAtItsFiles(t *testing.T) {
	r := newRouter(t)
	path := filepath.Join(t.TempDir(), "producers.json")
	write(t, path, ring(t, tillKey))
	var log logged
	s, err := consumer.NewSubscriber(consumer.SubscriberOptions{Connect: []string{r.at}, Channel: "commands", Keys: r.options().Keys,
		Producers: consumer.ProducersFromFile(path), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.SetLookPause(time.Millisecond)
	stop := running(t, func(ctx context.Context) error { return s.Run(ctx, func(*delivery.Delivery) {}) })
	await(t, "the start", func() bool { return log.count("keys read") > 0 })
	write(t, path, ring(t, otherKey))
	await(t, "the change", func() bool { return log.count("changed keys read") == 1 })
	stop()
	take := consumer.Take(s, func(*delivery.Delivery) {})
	for _, key := range []ed25519.PrivateKey{tillKey, otherKey} {
		if err := take(r.frame(order{event: signedOrder(t, key, 1, ``)})); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Counts(); n.Opened != 1 || n.Refused["producer"] != 1 {
		t.Errorf("counts %+v", n)
	}
}
