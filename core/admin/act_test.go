package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
)

// TestActsAreOnRecord: before they are done and after, by whom.
func TestActsAreOnRecord(t *testing.T) {
	r := start(t, nil)
	client := admin.NewClient(r.socket)
	pick := []admin.Pick{{Key: outbox.Key{Source: "//shop", ID: "one"}, Seq: 7}}
	if _, err := client.Act(t.Context(), admin.Act{Verb: admin.Hold, Events: pick, Channel: "c", Why: "broken"}); err != nil {
		t.Fatal(err)
	}
	if err := client.Backup(t.Context(), admin.Copy{Dir: "/backup", Why: "nightly"}); err != nil {
		t.Fatal(err)
	}
	if err := client.SetLevel(t.Context(), admin.LevelChange{Part: "intake", Level: "debug", Seconds: 60, Why: "looking"}); err != nil {
		t.Fatal(err)
	}
	r.router.fail = errTest
	if _, err := client.Act(t.Context(), admin.Act{Verb: admin.Pause, Channel: "c", Why: "again"}); err == nil {
		t.Fatal("it did not fail")
	}
	records, _ := r.ledger.taken()
	uid := fmt.Sprintf("uid:%d", os.Getuid())
	if u, err := user.Current(); err == nil {
		uid += "(" + u.Username + ")"
	}
	want := []struct {
		verb    string
		outcome admin.Outcome
		why     string
		changed int
	}{
		{"hold", admin.Allowed, "broken", 0}, {"hold", admin.Succeeded, "broken", 1},
		{"backup", admin.Allowed, "nightly", 0}, {"backup", admin.Succeeded, "nightly", 0},
		{"log.level", admin.Allowed, "looking", 0}, {"log.level", admin.Succeeded, "looking", 1},
		{"pause", admin.Allowed, "again", 0}, {"pause", admin.Failed, "again", 1},
	}
	if len(records) != len(want) {
		t.Fatalf("records are %+v", records)
	}
	for i, w := range want {
		got := records[i]
		if got.Verb != w.verb || got.Outcome != w.outcome || got.Why != w.why || got.Changed != w.changed || got.Actor != uid || got.Addr != "" {
			t.Errorf("record %d is %+v", i, got)
		}
	}
	if first := records[0]; first.Channel != "c" || len(first.Events) != 1 || first.Events[0] != pick[0] {
		t.Errorf("it is about %+v", first)
	}
	if records[7].Reason != errTest.Error() || records[2].Detail["dir"] != "/backup" || records[4].Detail["to"] != "debug" || records[4].Detail["seconds"] != "60" {
		t.Errorf("details are %+v", records)
	}
	if log := r.log.String(); !strings.Contains(log, `"actor":"`+uid+`","verb":"hold","channel":"c","source":"//shop","id":"one","events":1,"why":"broken","changed":1`) {
		t.Errorf("log is %s", log)
	}
}

// TestActsNeedTheirRecord: what nobody would know of is not done.
func TestActsNeedTheirRecord(t *testing.T) {
	r := start(t, nil)
	r.ledger.err = errTest
	client := admin.NewClient(r.socket)
	_, one := client.Act(t.Context(), admin.Act{Verb: admin.Pause, Channel: "c", Why: "w"})
	two := client.Backup(t.Context(), admin.Copy{Dir: "/backup", Why: "w"})
	three := client.SetLevel(t.Context(), admin.LevelChange{Part: "intake", Level: "debug", Why: "w"})
	for _, err := range []error{one, two, three} {
		if err == nil || !strings.Contains(err.Error(), "nothing is done, because the audit log does not take it: no such luck") {
			t.Errorf("got %v", err)
		}
	}
	if did := r.router.done(); len(did) != 0 {
		t.Errorf("did %q", did)
	}
}

// TestActsNeedAReason: over TCP and over the unix socket.
func TestActsNeedAReason(t *testing.T) {
	r := start(t, nil)
	for path, body := range map[string]string{"/v1/acts": `{"verb":"pause","channel":"c"}`, "/v1/log": `{"part":"intake","level":"debug","why":""}`} {
		if status, _, text := r.ask("POST", path, body, bearer(operateSecret)); status != 400 || !strings.Contains(text, "say why") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	client := admin.NewClient(r.socket)
	_, one := client.Act(t.Context(), admin.Act{Verb: admin.Pause, Channel: "c"})
	two := client.Backup(t.Context(), admin.Copy{Dir: "/backup"})
	three := client.SetLevel(t.Context(), admin.LevelChange{Part: "intake", Level: "debug"})
	for _, err := range []error{one, two, three} {
		if !errors.Is(err, admin.ErrBad) || !strings.Contains(err.Error(), "say why") {
			t.Errorf("got %v", err)
		}
	}
	records, _ := r.ledger.taken()
	if did := r.router.done(); len(did)+len(records) != 0 {
		t.Errorf("did %q, records are %+v", did, records)
	}
}

// TestTheUnixSocket is for its owner, who may do everything there.
func TestTheUnixSocket(t *testing.T) {
	r := start(t, nil)
	info, err := os.Stat(r.socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	client := admin.NewClient(r.socket)
	e, err := client.Event(t.Context(), outbox.Key{ID: "one"})
	if err != nil || string(e.Raw) != secretBody {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := client.Event(t.Context(), outbox.Key{ID: "two"}); !errors.Is(err, admin.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := client.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if l, err := client.Levels(t.Context()); err != nil || len(l) != 1 || l[0].Part != "intake" {
		t.Errorf("%+v, %v", l, err)
	}
	if ready, err := client.Ready(t.Context()); err != nil || !ready.Ready {
		t.Errorf("%+v, %v", ready, err)
	}
	r.stop()
	if _, err := client.Top(context.Background()); !errors.Is(err, admin.ErrUnreachable) {
		t.Errorf("after its end: %v", err)
	}
}

// TestAnAddressInUseLeavesNothingBound: the unix socket is given back.
func TestAnAddressInUseLeavesNothingBound(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	path := t.TempDir() + "/s"
	_, err = admin.NewServer(admin.Options{Socket: path, Router: &fake{}, HTTP: &admin.HTTP{Address: busy.Addr().String()}})
	if err == nil || !strings.Contains(err.Error(), "admin http") {
		t.Fatalf("got %v", err)
	}
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("the unix socket is still there")
	}
}

// TestReloadsAreOnRecord with the generation that they made, if they made one.
func TestReloadsAreOnRecord(t *testing.T) {
	r := start(t, nil)
	if status, _, text := r.ask("POST", "/v1/reload", `{"orphans":"hold"}`, bearer(operateSecret)); status != 200 || text != `{"generation":0,"changes":[]}`+"\n" {
		t.Errorf("%d %s", status, text)
	}
	r.router.fail = errTest
	if _, err := admin.NewClient(r.socket).Reload(t.Context(), admin.Reload{Why: "w"}); err == nil {
		t.Error("it did not fail")
	}
	records, _ := r.ledger.taken()
	if len(records) != 4 || records[1].Detail["generation"] != "0" || records[1].Detail["orphans"] != "hold" || records[3].Outcome != admin.Failed {
		t.Fatalf("records are %+v", records)
	}
	if g, there := records[3].Detail["generation"]; there {
		t.Errorf("what was refused is generation %s", g)
	}
	if log := r.log.String(); strings.Contains(log, `"orphans":""`) {
		t.Errorf("log is %s", log)
	}
}

// TestOthersAreTold that it is not theirs: a router that runs is not one that is away.
func TestOthersAreTold(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may do everything")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	_, err := admin.NewClient(filepath.Join(dir, "s")).Top(t.Context())
	if !errors.Is(err, fs.ErrPermission) || errors.Is(err, admin.ErrUnreachable) || !strings.Contains(err.Error(), "sudo -u USER") {
		t.Errorf("got %v", err)
	}
}
