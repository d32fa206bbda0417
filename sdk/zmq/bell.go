package zmq

// bell wakes everyone who waits for a change. The mutex that guards what
// changes guards the bell, so no ring is missed.
type bell struct{ waiting chan struct{} }

// wait returns a channel that is closed by the next ring.
func (b *bell) wait() <-chan struct{} {
	if b.waiting == nil {
		b.waiting = make(chan struct{})
	}
	return b.waiting
}

func (b *bell) ring() {
	if b.waiting != nil {
		close(b.waiting)
		b.waiting = nil
	}
}
