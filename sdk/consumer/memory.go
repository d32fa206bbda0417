package consumer

import "encoding/json"

// maxResults bounds the bytes of all results that are remembered: beyond it the
// oldest events keep their place and lose their result.
const maxResults = 16 << 20

// event names an event: (source, id) is the only replay key.
type event struct{ source, id string }

// memory remembers the last events that were done, with their results.
type memory struct {
	size    int
	results map[event]json.RawMessage
	order   []event // a ring: number n is at n % size
	count   int     // ever remembered
	bare    int     // events before this number have lost their result
	bytes   int
}

func newMemory(size int) *memory {
	return &memory{size: size, results: make(map[event]json.RawMessage)}
}

// recall tells whether e was done, and with what result.
func (m *memory) recall(e event) (json.RawMessage, bool) {
	result, done := m.results[e]
	return result, done
}

// remember notes that e, which is not remembered yet, was done.
func (m *memory) remember(e event, result json.RawMessage) {
	if at := m.count % m.size; m.count < m.size {
		m.order = append(m.order, e)
	} else {
		m.drop(m.order[at])
		delete(m.results, m.order[at])
		m.order[at] = e
	}
	m.count++
	m.results[e] = result
	m.bytes += len(result)
	for m.bare = max(m.bare, m.count-m.size); m.bytes > maxResults; m.bare++ {
		m.drop(m.order[m.bare%m.size])
	}
}

func (m *memory) drop(e event) {
	m.bytes -= len(m.results[e])
	m.results[e] = nil
}
