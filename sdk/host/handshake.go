package host

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// maxHandshake bounds the first line on stdout, in bytes: a path and a
// certificate have about one thousand.
const maxHandshake = 16 << 10

// readHandshake reads the first line that a plugin prints, its newline included,
// and checks it before go-plugin sees it: that trusts more than we do. It errs
// with io.EOF when the plugin said nothing.
func readHandshake(r *bufio.Reader, directory string) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxHandshake {
			return "", noise(line)
		}
		switch {
		case err == nil:
			return string(line), checkHandshake(strings.TrimSpace(string(line)), directory)
		case errors.Is(err, bufio.ErrBufferFull):
		case len(line) > 0:
			return "", noise(line)
		default:
			return "", io.EOF
		}
	}
}

func noise(line []byte) error {
	const shown = 120
	return fmt.Errorf("%w: it printed %q to stdout; a plugin prints to stderr until it is served", ErrNoise, line[:min(len(line), shown)])
}

// checkHandshake checks core|version|network|address|protocol|certificate, as
// go-plugin's documentation gives it. The socket lies in directory.
func checkHandshake(line, directory string) error {
	parts := strings.Split(line, "|")
	if len(parts) < 2 {
		return noise([]byte(line))
	}
	core, err := strconv.Atoi(parts[0])
	version, err2 := strconv.Atoi(parts[1])
	switch {
	case err != nil || err2 != nil:
		return noise([]byte(line))
	case core != goplugin.CoreProtocolVersion:
		return fmt.Errorf("%w: it speaks version %d of go-plugin's handshake, the router version %d; build one of them with a newer go-plugin", ErrProtocol, core, goplugin.CoreProtocolVersion)
	case version > wire.Protocol:
		return fmt.Errorf("%w: the plugin speaks version %d, this router version %d; update the router, or use an older release of the plugin", ErrProtocol, version, wire.Protocol)
	case version != wire.Protocol:
		return fmt.Errorf("%w: the plugin speaks version %d, this router version %d; rebuild the plugin with a newer SDK", ErrProtocol, version, wire.Protocol)
	case len(parts) < 5 || parts[4] != "grpc":
		return fmt.Errorf("%w: it does not speak gRPC; build it with headgate's SDK", ErrNotPlugin)
	case parts[2] != "unix" || filepath.Dir(parts[3]) != filepath.Clean(directory):
		return fmt.Errorf("%w: it listens at %s %q, not in the directory %s that PLUGIN_UNIX_SOCKET_DIR gave it", ErrBreach, parts[2], parts[3], directory)
	case len(parts) < 6 || parts[5] == "":
		return fmt.Errorf("%w: the plugin gave no certificate; build it with a newer SDK", ErrCertificate)
	}
	der, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err == nil {
		_, err = x509.ParseCertificate(der)
	}
	if err != nil {
		return fmt.Errorf("%w: what the plugin gave as its certificate is none: %w", ErrCertificate, err)
	}
	return nil
}
