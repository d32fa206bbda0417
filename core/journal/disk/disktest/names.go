package disktest

import "maps"

// names is what files are called, and how it came about since the last sync.
type names struct {
	durable, live map[string]*inode
	unsynced      []nameOp // in the order they were done
}

// nameOp is a file created, renamed or removed.
type nameOp struct {
	Op
	at   int    // among all changes
	node *inode // whose name it is then; nil for a removal
}

func newNames(durable map[string]*inode) names {
	return names{durable: durable, live: maps.Clone(durable)}
}

// change does o, and gives the file that has lost its name by it, if any.
func (n *names) change(o nameOp) (lost *inode) {
	n.unsynced = append(n.unsynced, o)
	return o.apply(n.live)
}

// sync makes durable what was there at began.
func (n *names) sync(began int) {
	for len(n.unsynced) > 0 && n.unsynced[0].at <= began {
		n.unsynced[0].apply(n.durable)
		n.unsynced = n.unsynced[1:]
	}
}

// after gives the names that a power cut leaves when the first k changes make it.
func (n *names) after(k int) map[string]*inode {
	left := maps.Clone(n.durable)
	for _, o := range n.unsynced[:k] {
		o.apply(left)
	}
	return left
}

// reachable gives every file that a power cut may leave.
func (n *names) reachable() map[*inode]bool {
	all := map[*inode]bool{}
	for _, node := range n.durable {
		all[node] = true
	}
	for _, o := range n.unsynced {
		if o.node != nil {
			all[o.node] = true
		}
	}
	return all
}

func (n *names) has(node *inode) bool {
	for _, other := range n.live {
		if other == node {
			return true
		}
	}
	return false
}

func (o nameOp) apply(to map[string]*inode) (lost *inode) {
	switch o.Kind {
	case Create:
		to[o.Name] = o.node
	case Rename:
		lost = to[o.To]
		to[o.To] = o.node
		delete(to, o.Name)
	case Remove:
		lost = to[o.Name]
		delete(to, o.Name)
	}
	return lost
}
