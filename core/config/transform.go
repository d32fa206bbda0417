package config

import "slices"

// transform checks one [[transforms]].
func (k *checker) transform(t *Transform, key string) {
	k.name("transforms", t.Name, join(key, "name"))
	if i := slices.IndexFunc(k.c.Auth, func(a Auth) bool { return a.OfTokens() && a.Name == t.Name }); i >= 0 { // plugins of both are known by it
		k.bad(join(key, "name"), "%q is taken already, at %s", t.Name, k.spots.at(join(item("auth", i), "name")))
	}
	k.plugin(&t.Plugin, key)
	if t.Kind != "" && !pluginPattern.MatchString(t.Kind) {
		k.bad(join(key, "kind"), "%s", pluginRule)
	}
}

// runs reports whether any event goes through the transform.
func (c *Config) runs(transform string) bool {
	return slices.ContainsFunc(c.Routes, func(ro Route) bool { return slices.Contains(ro.Transforms, transform) }) ||
		slices.ContainsFunc(c.Channels, func(ch Channel) bool { return slices.Contains(ch.Require.Transforms, transform) })
}

// Redacts gives the problems of a transform that takes out what consumers must
// not see, which it alone knows: channels behind it that keep the original.
func (c *Config) Redacts(transform string) Problems {
	var out Problems
	for i := range c.Channels {
		ch := &c.Channels[i]
		if ch.KeepOriginal && c.leads(transform, ch) {
			p := c.Problem(join(item("channels", i), "keep_original"), "consumers would see what transform \""+transform+"\" takes out")
			p.Hint = "leave it out, or send by another channel"
			out = append(out, p)
		}
	}
	return out
}

// leads reports whether events go through the transform to a channel.
func (c *Config) leads(transform string, ch *Channel) bool {
	return slices.Contains(ch.Require.Transforms, transform) || slices.ContainsFunc(c.Routes, func(ro Route) bool {
		return slices.Contains(ro.Transforms, transform) && slices.Contains(ro.Channels, ch.Name)
	})
}

// Leading are the command channels that a route with a transform leads to, and
// those whose floor has it.
func (c *Config) Leading(transform string) (channels []string) {
	for i := range c.Channels {
		ch := &c.Channels[i]
		through := slices.Contains(ch.Require.Transforms, transform)
		for j := range c.Routes {
			r := &c.Routes[j]
			through = through || slices.Contains(r.Transforms, transform) && slices.Contains(r.Channels, ch.Name)
		}
		if through && ch.Class == "command" {
			channels = append(channels, ch.Name)
		}
	}
	return channels
}
