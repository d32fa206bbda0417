package config

import "slices"

// TLSFiles are the files that stand in for certificates and who proves them.
func (c *Config) TLSFiles() []string {
	var files []string
	add := func(t *TLS) {
		if t == nil {
			return
		}
		for _, name := range []string{t.Cert, t.Key, t.ClientCA, t.CA} {
			if name != "" {
				files = append(files, c.Path(name))
			}
		}
	}
	for i := range c.Ingress {
		add(c.Ingress[i].TLS)
	}
	add(c.Admin.TLS)
	add(c.Replies.TLS)
	for i := range c.Channels {
		add(c.Channels[i].TLS)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// SchemaFiles are those of the routes' JSON Schemas.
func (c *Config) SchemaFiles() []string {
	var files []string
	for _, r := range c.Routes {
		if r.Schema != "" {
			files = append(files, c.Path(r.Schema))
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}
