// Package configs holds headgate's configuration files as they are shipped.
package configs

import _ "embed"

// Quickstart is what headgate init writes: a working router on loopback.
//
//go:embed quickstart.toml
var Quickstart []byte

// Curve is an example of a router off loopback, secured by CURVE. It loads once
// its keys are made and its public keys filled in, and is refused until then.
//
//go:embed curve.toml
var Curve []byte

// Container is what headgate init --container writes, once the public key of its
// consumer is filled in: a router that others reach, all of it on one volume.
//
//go:embed container.toml
var Container []byte

// Service is the unit of systemd.
//
//go:embed systemd/headgate.service
var Service []byte

// Reference has every key at its default, with a comment.
//
//go:embed headgate.toml
var Reference []byte

// Schema is a JSON Schema (draft 2020-12) of the TOML, for editors.
//
//go:embed headgate.schema.json
var Schema []byte
