package admin_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/core/trust"
)

func TestReadiness(t *testing.T) {
	plugin := func(name string, s supervisor.State) admin.Plugin { return admin.Plugin{Name: name, State: s} }
	for name, c := range map[string]struct {
		top  admin.Top
		want []admin.Unready
	}{
		"all is well": {admin.Top{Outbox: outbox.Stats{Disk: &outbox.Disk{}}, Audit: &admin.Audit{}, Required: []string{"mask"},
			Plugins: []admin.Plugin{plugin("mask", supervisor.Ready)}, Trust: []admin.Trust{{Name: "okta", Generation: 1}}}, nil},
		"draining":  {admin.Top{Draining: true}, []admin.Unready{{What: "router", Why: "draining"}}},
		"disk full": {admin.Top{Outbox: outbox.Stats{Disk: &outbox.Disk{Refusing: "disk is full"}}}, []admin.Unready{{What: "journal", Why: "disk is full"}}},
		"audit":     {admin.Top{Audit: &admin.Audit{Failing: "disk is full"}}, []admin.Unready{{What: "audit", Why: "disk is full"}}},
		"plugins": {admin.Top{Required: []string{"a", "b", "c"}, Plugins: []admin.Plugin{plugin("a", supervisor.Quarantined), plugin("b", supervisor.Ready), plugin("c", supervisor.Backoff), plugin("d", supervisor.Stopped)}},
			[]admin.Unready{{"plugin", "a", "quarantined"}, {"plugin", "c", "backoff"}}},
		"no trust yet": {admin.Top{Trust: []admin.Trust{{Name: "okta"}, {Name: "aws", Generation: 3, Issuers: []trust.IssuerFact{{State: trust.TrustDead}}}}},
			[]admin.Unready{{"trust", "okta", "no keys have come yet"}}},
	} {
		got := c.top.Readiness()
		if got.Ready != (c.want == nil) || !reflect.DeepEqual(got.Faults, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
		for _, f := range got.Faults {
			if !slices.Contains(admin.Kinds(), f.What) {
				t.Errorf("%s is no kind", f.What)
			}
		}
	}
}

// TestProbesNameNoFiles to those who need prove nothing.
func TestProbesNameNoFiles(t *testing.T) {
	r := start(t, nil)
	const failing = "outbox: disk is failing: write /var/lib/headgate/journal/00000001.seg: input/output error"
	r.router.mu.Lock()
	r.router.top.Outbox.Disk = &outbox.Disk{Refusing: failing}
	r.router.mu.Unlock()
	for range 2 { // what is remembered is whole
		status, _, text := r.ask("GET", "/readyz", "", bearer(readSecret))
		if want := `{"ready":false,"faults":[{"what":"journal","why":"outbox: disk is failing"}]}` + "\n"; status != 503 || text != want {
			t.Errorf("%d %s", status, text)
		}
		ready, err := admin.NewClient(r.socket).Ready(t.Context())
		if err != nil || len(ready.Faults) != 1 || ready.Faults[0].Why != failing {
			t.Errorf("over the unix socket: %+v, %v", ready, err)
		}
	}
}

// TestProbes: one tells of the process, the other of the router.
func TestProbes(t *testing.T) {
	r := start(t, nil)
	if status, _, text := r.ask("GET", "/readyz", "", nil); status != 200 || text != "{\"ready\":true}\n" {
		t.Errorf("ready: %d %s", status, text)
	}
	r.router.mu.Lock()
	r.router.top.Draining = true
	r.router.mu.Unlock()
	r.eventually("it is not ready", func() bool {
		status, _, text := r.ask("GET", "/readyz", "", nil)
		var got admin.Readiness
		return status == 503 && json.Unmarshal([]byte(text), &got) == nil && !got.Ready && got.Faults[0] == admin.Unready{What: "router", Why: "draining"}
	})
	ready, err := admin.NewClient(r.socket).Ready(t.Context())
	if err != nil || ready.Ready || len(ready.Faults) != 1 {
		t.Errorf("over the unix socket: %+v, %v", ready, err)
	}
	r.router.mu.Lock()
	r.router.err = errTest
	r.router.mu.Unlock()
	r.eventually("it does not answer", func() bool {
		status, _, text := r.ask("GET", "/readyz", "", nil)
		return status == 503 && text == `{"ready":false,"faults":[{"what":"router","why":"does not answer"}]}`+"\n"
	})
	if status, _, text := r.ask("GET", "/livez", "", nil); status != 200 || text != "{\"live\":true}\n" {
		t.Errorf("live: %d %s", status, text)
	}
}
