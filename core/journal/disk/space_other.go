//go:build !linux && !darwin && !freebsd && !dragonfly && !windows

package disk

import "errors"

func space(string) (available, total int64, err error) {
	return 0, 0, errors.ErrUnsupported
}
