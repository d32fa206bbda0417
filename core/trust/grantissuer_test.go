package trust_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/trust"
)

// A client of one issuer is nobody to another, whatever it is called there.
func TestGrantsAreOfIssuers(t *testing.T) {
	of := func(issuers ...string) *house {
		return newHouse(t, func(r *trust.Rules) {
			r.Grants = []trust.Grant{{Auth: "okta", Issuers: issuers, Clients: []string{"0oa1"}, Sources: []string{"**"}, Types: []string{"**"}}}
		})
	}
	for _, c := range []struct {
		h     *house
		iss   string
		seed  byte
		taken bool
	}{
		{of(staff), staff, 31, true}, {of(staff), devices, 32, false},
		{of(devices), staff, 31, false}, {of(devices), devices, 32, true},
		{of(staff, devices), staff, 31, true}, {of(staff, devices), devices, 32, true},
		{of(), devices, 32, true},
	} {
		id := mustAuthenticate(t, c.h.Snapshot, shown(signed(t, "k1", c.seed, good(claims{"iss": c.iss}))))
		e := order(t, shop, "")
		err := c.h.Authorize(id, id.Proof, &e, nil)
		if c.taken && err != nil {
			t.Errorf("of %s: %v", c.iss, err)
		} else if !c.taken {
			wantRefusal(t, err, trust.CodeForbidden, trust.ReasonNoGrant)
		}
	}
	h := of(staff)
	h.rules.Grants[0].Issuers = []string{staff, account}
	_, err := trust.New(h.rules)
	var fault *trust.CompileError
	if !errors.As(err, &fault) || fault.Key != "grants[0].match.issuer" || !strings.Contains(err.Error(), account) {
		t.Errorf("got %v", err)
	}
}
