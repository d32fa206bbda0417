package disktest

// SectorSize is what a disk writes whole or not at all, in bytes.
const SectorSize = 512

// inode is a file, whatever it is called.
type inode struct {
	synced  content  // that of which no power cut takes anything
	log     []change // since then, in the order they were done
	live    content  // what reads see
	room    int64    // taken on the disk
	handles int
}

// change is what a Write, Truncate or Allocate did.
type change struct {
	Op
	at    int // among all changes
	data  []byte
	state state
}

// state is what is known of a change.
type state uint8

const (
	dirty   state = iota // written by the next sync
	adrift               // its sync failed: no other will write it
	durable              // behind one that is not
)

// change does c.
func (n *inode) change(c change) {
	n.log = append(n.log, c)
	c.apply(&n.live, func(int64) bool { return true })
}

// sync makes durable what was done up to began, but for what is adrift.
func (n *inode) sync(began int) {
	for i := range n.log {
		if c := &n.log[i]; c.at <= began && c.state == dirty {
			c.state = durable
		}
	}
	for len(n.log) > 0 && n.log[0].state == durable {
		n.log[0].apply(&n.synced, func(int64) bool { return true })
		n.log = n.log[1:]
	}
}

// failSync sets data written up to began adrift. Sizes are metadata, which the
// file system's own journal has yet to write.
func (n *inode) failSync(began int) {
	for i := range n.log {
		if c := &n.log[i]; c.at <= began && c.state == dirty && c.Kind == Write {
			c.state = adrift
		}
	}
}

// after gives the content that a power cut leaves when keep tells which sectors
// of which changes make it.
func (n *inode) after(keep func(c *change, sector int64) bool) content {
	left := n.synced.clone()
	for i := range n.log {
		c := &n.log[i]
		c.apply(&left, func(sector int64) bool { return c.state == durable || keep(c, sector) })
	}
	return left
}

func (n *inode) flip(offset int64, mask byte) {
	n.synced.flip(offset, mask)
	n.live.flip(offset, mask)
	for _, c := range n.log {
		if i := offset - c.Offset; i >= 0 && i < int64(len(c.data)) {
			c.data[i] ^= mask
		}
	}
}

// apply does those sectors of c to a content that keep wants. What is no Write
// is one sector.
func (c *change) apply(to *content, keep func(sector int64) bool) {
	if c.Kind != Write {
		if keep(0) {
			to.resize(c.Length)
		}
		return
	}
	end := c.Offset + int64(len(c.data))
	for off := c.Offset; off < end; {
		sector := off / SectorSize
		next := min((sector+1)*SectorSize, end)
		if keep(sector) {
			to.writeAt(c.data[off-c.Offset:next-c.Offset], off)
		}
		off = next
	}
}
