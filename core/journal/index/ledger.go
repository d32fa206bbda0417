package index

// smallLedger is up to how many entries a ledger keeps its memory.
const smallLedger = 1024

// ledger is a map by number that gives its memory back, which a Go map does not.
type ledger[V any] struct {
	entries map[uint64]V
	most    int // that there were since it was made anew
}

func newLedger[V any]() ledger[V] { return ledger[V]{entries: make(map[uint64]V)} }

func (l *ledger[V]) set(number uint64, v V) {
	l.entries[number] = v
	l.most = max(l.most, len(l.entries))
}

// drop forgets a number. When few are left of many, they move to a map of their
// size: less than one is moved for seven that went.
func (l *ledger[V]) drop(number uint64) {
	delete(l.entries, number)
	if l.most <= smallLedger || len(l.entries) > l.most/8 {
		return
	}
	few := make(map[uint64]V, len(l.entries))
	for k, v := range l.entries {
		few[k] = v
	}
	l.entries, l.most = few, len(few)
}
