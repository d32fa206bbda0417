package config

import (
	"encoding/json"

	"github.com/headgate-io/headgate/sdk"
)

func (k *checker) route(ro *Route, key string) {
	k.name("routes", ro.Name, join(key, "name"))
	if len(ro.Type) == 0 {
		k.hint(join(key, "type"), `write ["**"] for any type`, "must not be empty")
	}
	k.globs(ro.Type, sdk.TypeSeparator, join(key, "type"))
	k.globs(ro.Source, sdk.SourceSeparator, join(key, "source"))
	k.refer(ro.Auth, "auth", join(key, "auth"), k.authNames())
	k.require(&ro.Require, join(key, "require"))
	if len(ro.Channels) == 0 {
		k.bad(join(key, "channels"), "a route needs a channel")
	}
	k.refer(ro.Channels, "channel", join(key, "channels"), k.channelNames())
	k.rate(&ro.Rate, join(key, "rate"))
	k.refer(ro.Transforms, "transform", join(key, "transforms"), k.transformNames())
	k.schema(ro, join(key, "schema"))
}

func (k *checker) rate(r *Rate, key string) {
	if r.Burst > 0 && r.PerPrincipal == 0 {
		k.bad(join(key, "burst"), "needs per_principal")
	}
}

// schema reads the JSON Schema of a route. That it is a schema is for the
// route to find out.
func (k *checker) schema(ro *Route, key string) {
	if ro.Schema == "" {
		return
	}
	text, err := readFile(k.c.Path(ro.Schema), maxFile)
	if err != nil {
		k.bad(key, "%s: %v", ro.Schema, err)
		return
	}
	if !json.Valid(text) {
		k.bad(key, "%s: not JSON", ro.Schema)
		return
	}
	ro.SchemaJSON = text
}

// reached finds channels that no route goes to: their consumers would wait
// for ever.
func (k *checker) reached() {
	reached := make(map[string]bool)
	for i := range k.c.Routes {
		for _, name := range k.c.Routes[i].Channels {
			reached[name] = true
		}
	}
	for i := range k.c.Channels {
		if name := k.c.Channels[i].Name; name != "" && !reached[name] {
			k.hint(join(item("channels", i), "name"), "add it to the channels of a route, or remove it", "no route goes to channel %q", name)
		}
	}
}
