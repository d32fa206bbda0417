package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/headgate-io/headgate/configs"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// layQuickstart puts the quickstart and a key into dir, and gives the file, the
// door's address and who signs with the key.
func layQuickstart(dir string, plugins bool) (path, door string, signer *webhook.Signer, err error) {
	text, door, err := freeQuickstart()
	if err != nil {
		return "", "", nil, err
	}
	if plugins {
		if text, err = withPlugins(text); err != nil {
			return "", "", nil, err
		}
	}
	secret := webhook.NewSecret()
	if signer, err = webhook.NewHMACSigner(secret); err != nil {
		return "", "", nil, err
	}
	key := config.Key{ID: keyID, Principal: "edge", State: "active", Sources: []string{"**"}, Types: []string{"com.example.**"}}
	if err := config.WriteKey(filepath.Join(dir, "keys"), key, webhook.FormatSecret(secret)); err != nil {
		return "", "", nil, err
	}
	path = filepath.Join(dir, "headgate.toml")
	return path, door, signer, os.WriteFile(path, text, 0o600)
}

// freeQuickstart gives the quickstart with each of its ports replaced by a free
// one, and the door's address.
func freeQuickstart() (text []byte, door string, err error) {
	var pairs []string
	for _, port := range []string{":5555", ":5556", ":5557", ":8080"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, "", err
		}
		defer l.Close() // all at the end, so that no port comes twice
		door = l.Addr().String()
		pairs = append(pairs, port, ":"+strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(configs.Quickstart))), door, nil
}

// pluginsConfig are the two plugins of withPlugins. They run as they are
// shipped: from the router's own binary.
const pluginsConfig = `
[[transforms]]
name = "mask"
plugin = "mask"
kind = "mask"
config = { fields = ["/data/note"] }
[[transforms]]
name = "jq"
plugin = "jq"
kind = "jq"
config = { filter = ".seen = true" }
`

// withPlugins gives the quickstart with two plugins on the route of orders.
func withPlugins(quickstart []byte) ([]byte, error) {
	const route = "channels = [\"commands\", \"telemetry\"]"
	if bytes.Count(quickstart, []byte(route)) != 1 {
		return nil, errors.New("the quickstart has no route of orders")
	}
	text := bytes.Replace(quickstart, []byte(route), []byte("transforms = [\"mask\", \"jq\"]\n"+route), 1)
	return append(text, pluginsConfig...), nil
}
