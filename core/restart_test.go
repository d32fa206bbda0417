package core_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// TestLimitsCountWhenItIsSaid holds what a reload tells of each of [limits] against
// what is made of it: rules and doors are made anew, sockets are not.
func TestLimitsCountWhenItIsSaid(t *testing.T) {
	atStart := []string{"limits.waiters", "limits.rates", "limits.telemetry_ring"} // of parts that stay
	atEnd := []string{"limits.drain"}                                              // looked up then
	was := config.Default()
	before, httpKeys, zmqKeys := core.LimitsInUse(&was)
	fields := reflect.TypeFor[config.Limits]()
	for i := range fields.NumField() {
		key := "limits." + fields.Field(i).Tag.Get("toml")
		now := was
		switch v := reflect.ValueOf(&now.Limits).Elem().Field(i); v.Kind() {
		case reflect.Float64:
			v.SetFloat(v.Float() + 7)
		default:
			v.SetInt(v.Int() + 7e9) // whole seconds, of durations
		}
		after, _, _ := core.LimitsInUse(&now)
		var parts []string
		for part := range before {
			if !reflect.DeepEqual(before[part], after[part]) {
				parts = append(parts, part)
			}
		}
		slices.Sort(parts)
		diff := config.Diff(&was, &now)
		if len(diff) != 1 || diff[0].Key != key {
			t.Fatalf("%s: the difference is %+v", key, diff)
		}
		atOnce := !diff[0].Restart
		made := slices.Contains(httpKeys, key)
		switch {
		case slices.Contains(parts, "HTTP doors") != made:
			t.Errorf("%s: HTTP doors have it, %v, and are made anew, %v", key, !made, made)
		case slices.Contains(parts, "ZeroMQ doors") && atOnce != slices.Contains(zmqKeys, key):
			t.Errorf("%s: ZeroMQ doors have it, and it is told to count at once, %v", key, atOnce)
		case slices.Contains(parts, "sockets") && atOnce:
			t.Errorf("%s: sockets have it, and it is told to count at once", key)
		case atOnce != (made || slices.Contains(parts, "rules") || slices.Contains(atEnd, key)):
			t.Errorf("%s: it is of %v, and is told to count at once, %v", key, parts, atOnce)
		case len(parts) == 0 && !slices.Contains(atStart, key) && !slices.Contains(atEnd, key):
			t.Errorf("%s: nothing is made of it", key)
		}
	}
}

// TestSocketsKeepTheirMode until the next start, as a reload tells.
func TestSocketsKeepTheirMode(t *testing.T) {
	r := newReloading(t)
	socket := func(name string) string {
		return "listen = \"ipc://" + filepath.Join(r.dir, name) + "\"\nallow_plain_zmq = true"
	}
	r.write("[replies]\nlisten = \"tcp://127.0.0.1:0\"", "[[ingress]]\nname = \"direct\"\n"+socket("direct")+"\n[replies]\n"+socket("replies"),
		listenA, "name = \"a\"\nclass = \"command\"\n"+socket("a"))
	if _, err := r.Reload(t.Context(), admin.Reload{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"direct", "a"} {
		r.write(socket(name), socket(name)+"\nipc_mode = \"0660\"")
	}
	done, err := r.Reload(t.Context(), admin.Reload{})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, c := range done.Changes {
		told = append(told, fmt.Sprintf("%s %v", c.Key, c.Restart))
	}
	if got := strings.Join(told, " "); got != "ingress.direct.ipc_mode true channels.a.ipc_mode true" {
		t.Errorf("told: %s", got)
	}
	mode := func(name string, want fs.FileMode) {
		t.Helper()
		info, err := os.Stat(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
	mode("direct", 0o600)
	mode("a", 0o600)
	r.write(`name = "direct"`, `name = "other"`) // that is another one, and it takes the address over
	r.reload(admin.Reload{})
	mode("direct", 0o660)
}

// TestALimitOfZMQDoorsCounts: the door is another one, at its address.
func TestALimitOfZMQDoorsCounts(t *testing.T) {
	r := newReloading(t)
	address := "tcp://" + free(t)
	r.write("[replies]", "[[ingress]]\nname = \"direct\"\nlisten = \""+address+"\"\n[replies]")
	r.reload(admin.Reload{})
	ask := func() string {
		t.Helper()
		dealer := zmq.NewDealer(zmq.Options{})
		if err := dealer.Connect(address); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		ended := make(chan error, 1)
		go func() { ended <- dealer.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		if err := dealer.Send(ctx, zmq.Frames{[]byte("1"), []byte("x: " + strings.Repeat("x", 2<<10) + "\r\n"), []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		got, err := dealer.Recv(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s", got.Frames)
	}
	const refused = "Headers have at most 1024 bytes here."
	if got := ask(); strings.Contains(got, refused) {
		t.Errorf("at first it is %s", got)
	}
	r.write("[data]", "[limits]\nheader_bytes = \"1KiB\"\n[data]")
	r.reload(admin.Reload{})
	if got := ask(); !strings.Contains(got, refused) || r.top().Doors[1].Address != address {
		t.Errorf("then it is %s, at %s", got, r.top().Doors[1].Address)
	}
}
