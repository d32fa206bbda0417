package host

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

// newCredential is what a plugin runs with: a user's uid and gid, and no other
// group. It errs with ErrUser where the user is no boundary between the plugin
// and a router that has the uids own.
func newCredential(u *user.User, own ...int) (*syscall.Credential, error) {
	const remedy = "make a user for the plugin, as with useradd --system"
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%w: %s has the uid %q", ErrUser, u.Username, u.Uid)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%w: %s has the gid %q", ErrUser, u.Username, u.Gid)
	}
	switch {
	case uid == 0:
		return nil, fmt.Errorf("%w: %s has the uid 0, and root can do everything; %s", ErrUser, u.Username, remedy)
	case slices.Contains(own, int(uid)):
		return nil, fmt.Errorf("%w: %s is the router's own (uid %d), which is no boundary; %s, or leave user out", ErrUser, u.Username, uid, remedy)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// become has the process run as a user, to whom the socket's directory is given.
func (p *process) become(name string, a *syscall.SysProcAttr) error {
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUser, err)
	}
	if a.Credential, err = newCredential(u, os.Getuid(), os.Geteuid()); err != nil {
		return err
	}
	if err := os.Chown(p.directory, int(a.Credential.Uid), int(a.Credential.Gid)); err != nil {
		return fmt.Errorf("%w: %w; the router needs the right to change users: root, or CAP_CHOWN, CAP_SETUID, CAP_SETGID and CAP_KILL", ErrUser, err)
	}
	p.boundary = "uid"
	return nil
}
