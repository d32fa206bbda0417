//go:build !linux

package main

// keepMemoryPrivate does nothing where it is not known how.
func keepMemoryPrivate() error { return nil }
