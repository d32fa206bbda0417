package promise_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk mounts a file system of so many MiB for one test.
func smallDisk(t *testing.T, mib int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hgd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", mib), "headgate-test", dir).CombinedOutput(); err != nil {
		requireHere(t, "mount", fmt.Errorf("%w: %s", err, out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// free is what a file system has left.
func free(t *testing.T, dir string) int64 {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * st.Bsize
}

// D9: a disk that fills up refuses in time, goes on delivering, and takes
// events again by itself. The second time another's file fills it.
func TestD9AFullDiskRefusesAndRecovers(t *testing.T) {
	disk := smallDisk(t, 64)
	r := newRouterIn(t, disk, oneChannel)
	l := newLedger(t)
	sent := 0
	filler := fmt.Sprintf(`,"filler":"%s"`, strings.Repeat("x", 4000))
	send := func() answer {
		t.Helper()
		id := fmt.Sprintf("fills-%d", sent)
		sent++
		a, err := r.edge.post(t.Context(), id, marked("order.created", id, "", filler))
		if err != nil {
			t.Fatal(err)
		}
		if a.says() == accepted {
			l.accept(id)
		}
		return a
	}
	fill := func() {
		t.Helper()
		var a answer
		r.eventually("the disk is full", func() bool {
			for range 100 {
				if a = send(); a.HTTP != http.StatusAccepted {
					return true
				}
			}
			return false
		})
		if a.says() != "503 disk_full" || a.RetryAfter == "" {
			t.Errorf("a full disk is told of as %s, Retry-After %q", a.says(), a.RetryAfter)
		}
	}
	taken := func() {
		t.Helper()
		r.eventually("events are taken again", func() bool { return send().says() == accepted })
	}
	spare := func(when string) {
		t.Helper()
		if n := free(t, disk); n == 0 {
			t.Errorf("%s: nothing is left of the disk", when)
		}
	}

	fill()
	spare("when it refuses")
	r.crash() // with no room to spare
	l.balance(r, never)
	stop := r.take(taking{channel: "orders"}, doing(l))
	r.drained() // replies settle on the full disk
	spare("when all is settled")
	taken()
	stop()

	other := filepath.Join(disk, "other")
	if err := os.WriteFile(other, make([]byte, free(t, disk)-(2<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	fill()
	r.take(taking{channel: "orders"}, doing(l))
	r.drained()
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	taken()
	r.drained()
	if log := r.log.String(); strings.Contains(log, "no space left") {
		t.Error("the disk ran full: ENOSPC")
	}
	accepted, _ := l.count()
	for id := range l.accepted {
		if l.done[leg{"orders", id}] == 0 {
			t.Errorf("LOST: %s", id)
		}
	}
	proved(t, "%d of %d accepted, twice full: 0 lost", accepted, sent)
}

// D9: after a sync that failed nothing is accepted until it is whole in another
// file, which comes by itself.
func TestD9AFailedSyncIsNeverTrusted(t *testing.T) {
	faults := 0
	for k := range turns(10) {
		faults += failOnce(t, k+1)
	}
	if faults == 0 {
		t.Error("no sync has failed")
	}
	proved(t, "%d syncs failed in %d runs: 0 answers without a sync that can be trusted", faults, turns(10))
}

// failOnce has the k-th fdatasync of each thread fail, and kills the router
// after it has recovered.
func failOnce(t *testing.T, k int) (faults int) {
	t.Helper()
	r := newRouter(t, oneChannel)
	defer r.kill()
	l := newLedger(t)
	s := r.trace("-s", whole, "-e", recorded, "-e", fmt.Sprintf("inject=fdatasync:error=EIO:when=%d", k))
	sent := 0
	send := func() bool {
		id := fmt.Sprintf("eio-%d-%d", k, sent)
		sent++
		a, err := r.edge.post(t.Context(), id, order("order.created", id, ""))
		if err != nil {
			t.Fatal(err)
		}
		if a.says() == accepted {
			l.accept(id)
		} else if a.HTTP != http.StatusServiceUnavailable || a.RetryAfter == "" {
			t.Errorf("k = %d: %s: %s", k, a.says(), a.Body)
		}
		return a.says() == accepted
	}
	r.eventually("a sync has failed", func() bool { send(); return s.injected() })
	inARow := 0
	r.eventually("events are taken again", func() bool {
		inARow++
		if !send() {
			inARow = 0
		}
		return inARow == 3
	})
	s.detach() // first: of a process that is killed strace shows calls twice
	r.kill()
	for _, c := range s.calls() {
		if c.name == "fdatasync" && strings.Contains(c.text, "EIO") {
			faults++
		}
	}
	answered, wrong := s.answers(false)
	if n, _ := l.count(); answered != n || len(wrong) > 0 {
		t.Errorf("k = %d: %d answers for %d acceptances, of them without a sync that can be trusted: %v", k, answered, n, wrong)
	}
	r.start()
	events := r.events()
	for id := range l.accepted {
		if _, there := events[id]; !there {
			t.Errorf("k = %d: LOST: %s", k, id)
		}
	}
	return faults
}
