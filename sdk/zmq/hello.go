package zmq

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// Greeting of ZMTP (RFC 23, "Greeting"):
//
//	signature 10 | major 1 | minor 1 | mechanism 20 | as-server 1 | filler 31
const (
	greetingSize  = 64
	signatureSize = 10
	versionAt     = 10
	mechanismAt   = 12
	serverAt      = 32

	majorVersion = 3
	minorVersion = 1 // commands PING, PONG, SUBSCRIBE and CANCEL are spoken
)

// Bounds of what a READY may hold: far more than any peer sends.
const (
	maxReady    = 8 << 10
	maxIdentity = 255 // RFC 23
)

// nameChars are what the name of a property consists of (RFC 23, "name-char").
const nameChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+"

// hello is what a peer says of itself in greeting and READY.
type hello struct {
	minor    uint8  // 0 for 3.0, 1 for 3.1 and anything later
	kind     string // socket type
	identity string // empty for none
}

// Mechanisms, as greetings name them (RFC 23).
const (
	mechanismNull  = "NULL"
	mechanismCurve = "CURVE"
)

// greeting returns the greeting of the given minor version and mechanism.
func greeting(minor byte, mechanism string) []byte {
	b := make([]byte, greetingSize)
	b[0], b[signatureSize-1] = 0xFF, 0x7F
	b[versionAt], b[versionAt+1] = majorVersion, minor
	copy(b[mechanismAt:], mechanism)
	return b
}

// checkGreeting judges the first bytes of a greeting, as many as have come:
// an old or foreign peer is refused without waiting for bytes that it will
// not send.
func checkGreeting(b []byte, mechanism string) error {
	if len(b) >= 1 && b[0] != 0xFF {
		// ZMTP 1.0 begins with the length of a short identity frame.
		return fmt.Errorf("%w: first byte %#02x", ReasonGreeting, b[0])
	}
	if len(b) >= signatureSize && b[signatureSize-1] != 0x7F {
		return fmt.Errorf("%w: tenth byte %#02x", ReasonGreeting, b[signatureSize-1])
	}
	if len(b) > versionAt && b[versionAt] < majorVersion {
		return fmt.Errorf("%w: revision %d", ReasonVersion, b[versionAt])
	}
	if len(b) < greetingSize {
		return nil
	}
	theirs := b[mechanismAt:serverAt]
	if !bytes.Equal(theirs, greeting(0, mechanism)[mechanismAt:serverAt]) {
		return fmt.Errorf("%w: %s here, peer wants %q", ReasonMechanism, mechanism, bytes.TrimRight(theirs, "\x00"))
	}
	if b[serverAt] > 1 {
		return fmt.Errorf("%w: as-server %#02x", ReasonGreeting, b[serverAt])
	}
	return nil
}

// minorOf returns the minor version that a checked greeting announces.
func minorOf(b []byte) uint8 {
	if b[versionAt] > majorVersion {
		return minorVersion
	}
	return min(b[versionAt+1], minorVersion)
}

// parseReady reads the body of a first command, which must be a READY, and
// returns its metadata.
func parseReady(body []byte) ([]byte, error) {
	name, data, ok := splitCommand(body)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: no command name", ReasonReady)
	case name == "ERROR":
		return nil, fmt.Errorf("%w: %q", ReasonRejected, errorText(data))
	case name != "READY":
		return nil, fmt.Errorf("%w: command %q", ReasonReady, name)
	}
	return data, nil
}

// parseMetadata takes in what properties say, which must be well formed.
func (h *hello) parseMetadata(data []byte) error {
	seen := make(map[string]bool)
	for len(data) > 0 {
		name, value, rest, ok := splitProperty(data)
		if !ok {
			return fmt.Errorf("%w: a property is cut short", ReasonReady)
		}
		data = rest
		name = strings.ToLower(name) // names are case-insensitive, RFC 23
		if seen[name] {
			return fmt.Errorf("%w: property %q twice", ReasonReady, name)
		}
		seen[name] = true
		switch name {
		case "socket-type":
			h.kind = string(value)
		case "identity":
			if len(value) > maxIdentity {
				return fmt.Errorf("%w: identity of %d bytes", ReasonReady, len(value))
			}
			h.identity = string(value)
		}
	}
	if !seen["socket-type"] {
		return fmt.Errorf("%w: no Socket-Type", ReasonReady)
	}
	return nil
}

// splitCommand splits the body of a command: length, name, data.
func splitCommand(body []byte) (name string, data []byte, ok bool) {
	if len(body) == 0 || body[0] == 0 || int(body[0]) > len(body)-1 {
		return "", nil, false
	}
	end := 1 + int(body[0])
	return string(body[1:end]), body[end:], true
}

// splitProperty splits off one property: name length 1, name, value length 4,
// value.
func splitProperty(data []byte) (name string, value, rest []byte, ok bool) {
	n := int(data[0])
	if n == 0 || 1+n+4 > len(data) {
		return "", nil, nil, false
	}
	name, data = string(data[1:1+n]), data[1+n:]
	if strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(nameChars, r) }) {
		return "", nil, nil, false
	}
	size := binary.BigEndian.Uint32(data)
	data = data[4:]
	if uint64(size) > uint64(len(data)) {
		return "", nil, nil, false
	}
	return name, data[:size], data[size:], true
}

// appendProperty appends a property as splitProperty reads it.
func appendProperty(b []byte, name, value string) []byte {
	b = append(append(b, byte(len(name))), name...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(value))), value...)
}

// errorText is the reason in an ERROR command: one byte of length, then text.
func errorText(data []byte) []byte {
	if len(data) == 0 {
		return nil
	}
	return data[1:min(1+int(data[0]), len(data))]
}

// checkPair judges whether sockets of types mine and theirs may talk (RFC 23,
// "Socket types"; RFC 28, 29 and 30).
func checkPair(mine, theirs string) error {
	switch theirs {
	case "PUSH", "PULL", "PUB", "SUB", "XPUB", "XSUB", "PAIR", "REQ", "REP", "DEALER", "ROUTER":
	default:
		return fmt.Errorf("%w: %.32q", ReasonSocketType, theirs)
	}
	switch mine + " " + theirs {
	case "PUSH PULL", "PULL PUSH", "PUB SUB", "PUB XSUB", "SUB PUB", "SUB XPUB",
		"ROUTER DEALER", "ROUTER REQ", "ROUTER ROUTER", "DEALER ROUTER", "DEALER REP", "DEALER DEALER":
		return nil
	}
	return fmt.Errorf("%w: %s cannot talk to %s", ReasonIncompatible, mine, theirs)
}
