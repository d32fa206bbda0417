//go:build !linux

package process

// ReapOrphans does work, and gives what it returns: there are no containers here.
func ReapOrphans(work func() int) int { return work() }
