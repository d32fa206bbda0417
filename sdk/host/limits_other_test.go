//go:build !linux

package host_test

func untraced(string, string) { panic("nothing is traced here") }
