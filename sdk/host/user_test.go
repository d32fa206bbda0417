package host_test

import (
	"errors"
	"os"
	"os/user"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/host"
)

// TestUserIsABoundary shows which users are none: root by any name, and whoever
// the router is.
func TestUserIsABoundary(t *testing.T) {
	const router, effective = 990, 991
	for _, test := range []struct{ name, uid, gid, says string }{
		{"plugins", "992", "992", ""},
		{"grouped", "992", "0", ""},
		{"root", "0", "0", "root has the uid 0, and root can do everything; make a user"},
		{"toor", "0", "1000", "toor has the uid 0"},
		{"headgate", "990", "990", "headgate is the router's own (uid 990), which is no boundary; make a user for the plugin, as with useradd --system, or leave user out"},
		{"alias", "990", "1", "alias is the router's own"},
		{"raised", "991", "991", "raised is the router's own"},
		{"windows", "S-1-5", "1", `the uid "S-1-5"`},
		{"large", "4294967296", "1", `the uid "4294967296"`},
		{"negative", "5", "-1", `the gid "-1"`},
	} {
		got, err := host.NewCredential(&user.User{Username: test.name, Uid: test.uid, Gid: test.gid}, router, effective)
		switch {
		case test.says == "" && (err != nil || got.Uid != 992 || len(got.Groups) > 0):
			t.Errorf("%s: %+v, %v", test.name, got, err)
		case test.says != "" && (!errors.Is(err, host.ErrUser) || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s: got %v, want %q", test.name, err, test.says)
		}
	}
}

// TestStartAsTheRouterItself starts nothing as the very user that runs the test.
func TestStartAsTheRouterItself(t *testing.T) {
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	command := self("serve")
	command.User = u.Username
	says := "is the router's own"
	if os.Getuid() == 0 {
		says = "has the uid 0"
	}
	c, err := host.Start(t.Context(), command, host.Options{TempDir: shortDir(t)})
	if err == nil {
		_ = c.Close(t.Context())
		t.Fatal("it started")
	}
	if !errors.Is(err, host.ErrUser) || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v", err)
	}
}
