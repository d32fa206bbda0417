//go:build !linux

package main

// contained is for Linux.
func contained() {}
