// Package python holds the Python plugin SDK, for the tools that write a plugin
// with it. The package headgate below this directory is the SDK itself: begin
// with headgate/plugin/__init__.py.
package python

import "embed"

// SDK is the Python package headgate, as it lies beside a plugin's own files in
// its .pyz.
//
//go:embed headgate/__init__.py headgate/py.typed headgate/plugin/*.py headgate/plugin/plugin_v1.binpb
var SDK embed.FS
