package zmq

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// maxPath is how long the path of an ipc endpoint may be: sun_path of
// unix(7), less its closing zero, on the systems with the shortest one.
const maxPath = 103

// endpoint is a parsed ZeroMQ endpoint, in the words of package net.
type endpoint struct {
	network string // "tcp" or "unix"
	address string
}

// host is what a certificate has to name.
func (e endpoint) host() string {
	host, _, err := net.SplitHostPort(e.address)
	if err != nil {
		return "" // of ipc
	}
	return host
}

// parseEndpoint reads tcp://host:port or ipc://path. An IPv6 host stands in
// brackets. "*" or nothing as host, and port 0, are for listening only.
func parseEndpoint(text string, listen bool) (endpoint, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	switch scheme {
	case "tcp":
		return parseTCP(text, rest, listen)
	case "ipc":
		return parseIPC(text, rest)
	}
	return endpoint{}, fmt.Errorf("zmq: endpoint %q: want tcp://host:port or ipc://path", text)
}

func parseTCP(text, rest string, listen bool) (endpoint, error) {
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return endpoint{}, fmt.Errorf("zmq: endpoint %q: want tcp://host:port, an IPv6 host in brackets", text)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return endpoint{}, fmt.Errorf("zmq: endpoint %q: port %q is not a number from 0 to 65535", text, port)
	}
	if host == "*" {
		host = ""
	}
	if !listen && (host == "" || number == 0) {
		return endpoint{}, fmt.Errorf("zmq: endpoint %q: connecting needs a host and a port", text)
	}
	if strings.ContainsAny(host, " /@") {
		return endpoint{}, fmt.Errorf("zmq: endpoint %q: %q is not a host", text, host)
	}
	return endpoint{"tcp", net.JoinHostPort(host, port)}, nil
}

func parseIPC(text, path string) (endpoint, error) {
	switch {
	case path == "":
		return endpoint{}, errors.New("zmq: endpoint ipc://: a path is missing")
	case strings.HasPrefix(path, "@"):
		return endpoint{}, fmt.Errorf("zmq: endpoint %q: an abstract name has no file mode to protect it; use a path", text)
	case strings.ContainsRune(path, 0):
		return endpoint{}, fmt.Errorf("zmq: endpoint %q: a path holds no zero byte", text)
	case len(path) > maxPath:
		return endpoint{}, fmt.Errorf("zmq: endpoint %q: a path may have %d bytes", text, maxPath)
	}
	return endpoint{"unix", path}, nil
}
