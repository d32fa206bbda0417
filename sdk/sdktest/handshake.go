package sdktest

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// handshake is the line by which a plugin says where it listens
// (go-plugin, docs/guide-plugin-write-non-go.md):
//
//	core protocol | application protocol | network | address | rpc protocol | certificate
type handshake struct {
	protocol    int // the application protocol
	address     string
	certificate *x509.Certificate // nil when the plugin gave none
}

// parseHandshake reads the line. dir is the directory that the plugin was told
// to make its socket in.
func parseHandshake(line, dir string) (handshake, error) {
	parts := strings.Split(strings.TrimRight(line, "\r"), "|")
	if len(parts) < 5 || len(parts) > 7 {
		return handshake{}, fmt.Errorf("the first line on stdout is %s: want the handshake 1|1|unix|ADDRESS|grpc|CERTIFICATE and nothing before it", quoted(line))
	}
	if parts[0] != "1" {
		return handshake{}, fmt.Errorf("the handshake's core protocol is %s: want 1", quoted(parts[0]))
	}
	protocol, err := strconv.Atoi(parts[1])
	if err != nil || protocol < 1 {
		return handshake{}, fmt.Errorf("the handshake's protocol version is %s: want a number", quoted(parts[1]))
	}
	if parts[2] != "unix" {
		return handshake{}, fmt.Errorf("the handshake's network is %s: want unix", quoted(parts[2]))
	}
	if parts[3] == "" || filepath.Dir(filepath.Clean(parts[3])) != filepath.Clean(dir) {
		return handshake{}, fmt.Errorf("the socket %s is not in the directory that PLUGIN_UNIX_SOCKET_DIR names", quoted(parts[3]))
	}
	if parts[4] != "grpc" {
		return handshake{}, fmt.Errorf("the handshake's rpc protocol is %s: want grpc", quoted(parts[4]))
	}
	h := handshake{protocol: protocol, address: parts[3]}
	if len(parts) == 5 || parts[5] == "" {
		return h, nil
	}
	der, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return h, errors.New("the handshake's certificate is not base64 without padding")
	}
	if h.certificate, err = x509.ParseCertificate(der); err != nil {
		return h, fmt.Errorf("the handshake's certificate: %w", err)
	}
	return h, nil
}

// cutMark ends what quoted has cut.
const cutMark = `"...`

// quoted shows what a plugin wrote, in bounded length.
func quoted(text string) string {
	const most = 120 // bytes, which fit a line of a report
	if len(text) > most {
		return strings.TrimSuffix(strconv.Quote(text[:most]), `"`) + cutMark
	}
	return strconv.Quote(text)
}
