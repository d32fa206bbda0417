package jwt

// Len counts what a cache holds, once for each generation that has it.
func (c *Cache) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.young) + len(s.old)
		s.mu.Unlock()
	}
	return n
}

// Bytes is what a cache holds, by its estimate.
func (c *Cache) Bytes() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for _, generation := range []map[cacheKey]cached{s.young, s.old} {
			for _, entry := range generation {
				n += entry.bytes
			}
		}
		s.mu.Unlock()
	}
	return n
}
