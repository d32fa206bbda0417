package disktest

import (
	"math/rand/v2"
	"slices"
)

// Cut cuts the power, and gives the disk as it is found afterwards. It may be
// called again on the dead disk, for another outcome of the same cut.
//
// keep is asked, in order of ordinals, for everything that was not synced, what
// makes it: for each sector of a Write, counted from the start of the file; once,
// with sector 0, for a change of size and of a name. No name after one that was
// lost is kept, nor asked for. Where all is kept it was the process that died,
// not the power. keep must not use the disk.
func (d *Disk) Cut(keep func(op Op, sector int64) bool) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	type place struct {
		c      *change
		sector int64
	}
	kept := map[place]bool{}
	first, lost := 0, false
	for _, c := range d.choices() {
		switch {
		case c.change != nil:
			c.change.apply(new(content), func(sector int64) bool {
				kept[place{c.change, sector}] = keep(c.Op, sector)
				return false
			})
		case !lost && keep(c.Op, 0):
			first++
		default:
			lost = true
		}
	}
	after := &Disk{size: d.size}
	found := map[string]*inode{}
	for name, n := range d.names.after(first) {
		left := n.after(func(c *change, sector int64) bool { return kept[place{c, sector}] })
		found[name] = &inode{synced: left, live: left.clone(), room: left.size}
		after.used += left.size
	}
	after.names = newNames(found)
	return after
}

// Unsynced is how many choices a power cut has now: one for each Write, change
// of size and change of a name that was not synced.
func (d *Disk) Unsynced() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.choices())
}

// CutMask is Cut with an outcome of whole operations: bit i of mask keeps the
// i-th of those not synced, in order of ordinals. Masks below 1<<Unsynced() are
// all outcomes without torn writes; what is beyond the 64th is lost.
func (d *Disk) CutMask(mask uint64) *Disk {
	bit := map[Op]int{}
	for i, c := range d.die() {
		bit[c.Op] = i
	}
	return d.Cut(func(op Op, _ int64) bool { return mask>>bit[op]&1 == 1 })
}

// CutSeed is Cut with a random outcome, torn writes among it.
func (d *Disk) CutSeed(seed int64) *Disk {
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	fates := map[Op]func(sector int64) bool{}
	var named []Op
	for _, c := range d.die() {
		fates[c.Op] = fate(random, c.Op)
		if c.change == nil {
			named = append(named, c.Op)
		}
	}
	first := random.IntN(len(named) + 1)
	for i, op := range named {
		fates[op] = func(int64) bool { return i < first }
	}
	return d.Cut(func(op Op, sector int64) bool { return fates[op](sector) })
}

// fate chooses what becomes of a change: nothing, all of it, the front, or some
// sectors, equally often.
func fate(random *rand.Rand, op Op) func(sector int64) bool {
	from, sectors := int64(0), int64(1)
	if op.Kind == Write {
		from = op.Offset / SectorSize
		sectors = (op.Offset+op.Length-1)/SectorSize - from + 1
	}
	switch random.IntN(4) {
	case 0:
		return func(int64) bool { return false }
	case 1:
		return func(int64) bool { return true }
	case 2:
		front := random.Int64N(sectors + 1)
		return func(sector int64) bool { return sector-from < front }
	default:
		return func(int64) bool { return random.IntN(2) == 1 }
	}
}

// choice is one thing that a power cut decides.
type choice struct {
	Op
	change *change // nil for a change of a name
}

// die cuts the power and gives the choices there are then.
func (d *Disk) die() []choice {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	return d.choices()
}

// choices gives them in order of ordinals.
func (d *Disk) choices() []choice {
	var all []choice
	for _, o := range d.names.unsynced {
		all = append(all, choice{Op: o.Op})
	}
	for n := range d.names.reachable() {
		for i := range n.log {
			if c := &n.log[i]; c.state != durable {
				all = append(all, choice{c.Op, c})
			}
		}
	}
	// A Create goes before its Allocate: of one ordinal the name comes first.
	slices.SortStableFunc(all, func(a, b choice) int { return a.Ordinal - b.Ordinal })
	return all
}
