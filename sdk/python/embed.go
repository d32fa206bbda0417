// Package python holds what a plugin in Python needs, for the tools that write one
// with it. The Python package headgate below this directory has more, for
// consumers and producers: begin with README.md.
package python

import "embed"

// SDK is the part of the Python package headgate that lies beside a plugin's own
// files in its .pyz.
//
//go:embed headgate/__init__.py headgate/py.typed headgate/plugin/*.py headgate/plugin/plugin_v1.binpb
var SDK embed.FS
