package zmq

import (
	"net"
	"sync"
)

const (
	// writeBuffer is the most that messages are gathered into for one write:
	// enough to make the system call cheap against the copying. A message
	// beyond it is written from its own memory.
	writeBuffer = 64 << 10
	// keepQueue is the largest emptied batch that is kept to be filled again.
	keepQueue = 4096
)

// writer is the only goroutine that writes to a peer.
type writer struct {
	peer    *Peer
	buffers *sync.Pool // of *[]byte with writeBuffer of room; held while writing only

	buf     []byte
	control int    // leading bytes of buf that are commands
	batch   []item // being written
	done    int    // items of batch that the kernel has whole
}

// run writes until the peer is gone or, draining, has been given everything.
func (w *writer) run() error {
	for {
		more, end := w.take()
		if end {
			// Half closed, the peer reads all of it, then ends the connection.
			_ = closeWrite(w.peer.conn) // on failure the reader sees the end, too
		}
		if !more {
			return nil
		}
		if err := w.write(); err != nil {
			w.giveBack()
			return err
		}
	}
}

// take waits for work and takes all of it. end says that there will be none.
func (w *writer) take() (more, end bool) {
	p := w.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.batch != nil && cap(w.batch) <= keepQueue {
		clear(w.batch)
		p.spare = w.batch[:0]
	}
	w.batch, w.done = nil, 0
	for p.state == open && len(p.waiting) == 0 && len(p.control) == 0 {
		p.work.Wait()
	}
	if p.state == gone || p.state == draining && len(p.waiting) == 0 {
		return false, p.state == draining
	}
	w.batch, p.waiting, p.spare = p.waiting, p.spare, nil
	return true, false
}

// write writes commands and batch, whole messages at a time.
func (w *writer) write() error {
	kept := w.buffers.Get().(*[]byte)
	defer w.buffers.Put(kept)
	w.buf = (*kept)[:0]
	w.commands()
	for i := range w.batch {
		frames := w.batch[i].frames
		size := messageSize(frames)
		if len(w.buf)+size > writeBuffer || w.peer.urgent.Load() {
			if err := w.flush(i); err != nil {
				return err
			}
			w.commands()
		}
		if size <= writeBuffer {
			w.buf = appendMessage(w.buf, frames)
			continue
		}
		if err := w.large(i); err != nil {
			return err
		}
	}
	return w.flush(len(w.batch))
}

// commands puts what control holds at the head of the empty buffer.
func (w *writer) commands() {
	p := w.peer
	if !p.urgent.Load() {
		return
	}
	p.mu.Lock()
	w.buf = append(w.buf, p.control...)
	w.control = len(p.control)
	p.control = p.control[:0]
	p.urgent.Store(false)
	p.mu.Unlock()
}

// flush writes the buffer, which ends with the last item before end.
func (w *writer) flush(end int) error {
	if len(w.buf) == 0 {
		return nil
	}
	n, err := w.peer.conn.Write(w.buf)
	return w.pushed(int64(n), err, end)
}

// large writes item i after the buffer, without copying it.
func (w *writer) large(i int) error {
	frames := w.batch[i].frames
	all := net.Buffers{w.buf}
	last := len(frames) - 1
	for n, f := range frames {
		flags := byte(flagMore)
		if n == last {
			flags = 0
		}
		all = append(all, appendHeader(nil, flags, len(f)), f)
	}
	written, err := w.hand(all)
	return w.pushed(written, err, i+1)
}

// pushed accounts for the messages that the kernel has whole, of what was
// written up to the last item before end.
func (w *writer) pushed(written int64, err error, end int) error {
	from := w.done
	if err == nil {
		w.done = end
	} else {
		w.done += whole(w.batch[from:end], written-int64(w.control))
	}
	w.buf, w.control = w.buf[:0], 0
	p := w.peer
	p.mu.Lock()
	p.counts.Sent += uint64(w.done - from)
	p.counts.Queued -= uint64(w.done - from)
	p.mu.Unlock()
	if p.freed != nil {
		p.freed()
	}
	if err != nil {
		return reasoned(err)
	}
	return nil
}

// hand gives all to the kernel, through what seals it.
func (w *writer) hand(all net.Buffers) (int64, error) {
	if plain, ok := w.peer.conn.(*steady); ok {
		return plain.writeAll(all)
	}
	var total int64
	for _, part := range all {
		n, err := w.peer.conn.Write(part)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// whole counts the messages that the first n bytes of batch hold completely.
func whole(batch []item, n int64) int {
	for i := range batch {
		n -= int64(messageSize(batch[i].frames))
		if n < 0 {
			return i
		}
	}
	return len(batch)
}

// giveBack puts what was not written before what is queued.
func (w *writer) giveBack() {
	p := w.peer
	p.mu.Lock()
	p.waiting = append(w.batch[w.done:len(w.batch):len(w.batch)], p.waiting...)
	p.mu.Unlock()
}
