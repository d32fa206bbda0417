package jwt

import (
	"crypto/sha256"
	"sync"
)

// cacheShards keeps requests from waiting for one another.
const cacheShards = 16

// Cache remembers tokens that verified, by their exact bytes: another spelling
// of the same token is another token. It takes as much memory as it is made for,
// and forgets those that nobody asks for. It is safe for concurrent use.
type Cache struct {
	most   int // bytes of one generation of a shard
	shards [cacheShards]cacheShard
}

// cacheShard has two generations. What is asked for is of the young one; when
// that is full it becomes the old one, and the old one goes: a token stays as
// long as it is asked for once in a generation, and no list has to be kept.
type cacheShard struct {
	mu         sync.Mutex
	young, old map[cacheKey]cached
	bytes      int // of the young
}

type cacheKey [sha256.Size]byte

type cached struct {
	verifier *Verifier
	token    *Token
	bytes    int
}

// NewCache makes a cache of at most so many bytes, by an estimate on the high side.
// A token of more than 1/32 of them is not remembered.
func NewCache(bytes int) *Cache {
	const generations = 2 * cacheShards
	c := &Cache{most: max(bytes, 0) / generations}
	for i := range c.shards {
		c.shards[i].young = map[cacheKey]cached{}
		c.shards[i].old = map[cacheKey]cached{}
	}
	return c
}

// Get gives a token that [Cache.Put] was given with these very bytes, and the
// Verifier that took it, or nil and nil. The token is good only if that Verifier
// is still the one of its issuer, and [Verifier.Check] takes it.
func (c *Cache) Get(token string) (*Verifier, *Token) {
	key := cacheKey(sha256.Sum256([]byte(token)))
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, there := s.young[key]
	if !there {
		if entry, there = s.old[key]; there {
			s.add(key, entry, c.most)
		}
	}
	return entry.verifier, entry.token
}

// Put remembers a token that v took.
func (c *Cache) Put(token string, v *Verifier, t *Token) {
	entry := cached{v, t, t.size()}
	if entry.bytes > c.most {
		return
	}
	key := cacheKey(sha256.Sum256([]byte(token)))
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(key, entry, c.most)
}

func (c *Cache) shard(key cacheKey) *cacheShard { return &c.shards[key[0]%cacheShards] }

// add puts an entry among the young.
func (s *cacheShard) add(key cacheKey, entry cached, most int) {
	s.bytes -= s.young[key].bytes
	delete(s.young, key)
	if s.bytes+entry.bytes > most {
		// Full: the older half is forgotten. A token that is forgotten costs a
		// signature check, nothing else.
		clear(s.old)
		s.young, s.old, s.bytes = s.old, s.young, 0
	}
	s.young[key] = entry
	s.bytes += entry.bytes
}
