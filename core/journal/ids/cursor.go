package ids

import (
	"errors"
	"fmt"
)

// cursor goes through the entries of a run in order, like a bufio.Scanner.
type cursor struct {
	run   *run
	pages *pageReader
	entry entry  // the present one
	at    uint64 // its place
	err   error  // why it ended early; of a tolerant one, what it passed over

	tolerant bool // passes over pages that cannot be read

	body  []byte // of the page of the next entry
	ahead uint64 // place of the next entry
}

func newCursor(r *run) *cursor {
	return &cursor{run: r, pages: newPageReader(r.file, r.number, 1, 1+entryPages(r.count))}
}

func (c *cursor) next() bool {
	for c.ahead < c.run.count {
		if c.ahead%pageEntries == 0 {
			body, err := c.pages.body()
			if err != nil {
				c.err = errors.Join(c.err, err)
				c.ahead = min(c.ahead+pageEntries, c.run.count)
				if !c.tolerant {
					return false
				}
				continue
			}
			c.body = body
		}
		before := c.entry.hash
		c.entry.decode(c.body[c.ahead%pageEntries*entrySize:])
		c.at = c.ahead
		c.ahead++
		if c.at > 0 && compare(before, c.entry.hash) >= 0 {
			c.err = errors.Join(c.err, fmt.Errorf("ids: %s: entry %d is out of order: %w", runName(c.run.number), c.at, ErrDamaged))
			c.ahead = c.run.count
			return false
		}
		return true
	}
	return false
}
