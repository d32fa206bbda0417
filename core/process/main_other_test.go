//go:build !linux

package process_test

// child is for Linux.
func child(string) int { return 1 }
