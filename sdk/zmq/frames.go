package zmq

// Frames is one ZeroMQ message: its frames in order. No frames at all are
// sent as one empty frame.
type Frames = [][]byte

// Received is a message and the peer it came from.
type Received struct {
	Frames Frames
	Peer   *Peer
}
