//go:build linux || darwin || freebsd || dragonfly

package disk

import "golang.org/x/sys/unix"

// space is what statfs(2) tells: the blocks that this user may take, not those
// kept for root.
func space(path string) (available, total int64, err error) {
	var st unix.Statfs_t
	for {
		if err = unix.Statfs(path, &st); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, 0, err
	}
	block := int64(st.Bsize)
	return max(0, int64(st.Bavail)) * block, int64(st.Blocks) * block, nil
}
