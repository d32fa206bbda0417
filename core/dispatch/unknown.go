package dispatch

import "sync"

// Unknown is which transforms that nobody knows are in the log, so that each is
// there once, however many chains and channels name it. The zero value is ready,
// and safe for concurrent use.
type Unknown struct{ told sync.Map }

func (u *Unknown) first(transform string) bool {
	_, told := u.told.LoadOrStore(transform, true)
	return !told
}
