package zmq

import (
	"cmp"
	"io/fs"
	"time"
)

// Options shape a socket. The zero value is a good socket.
type Options struct {
	Limits    Limits
	Heartbeat Heartbeat
	Backoff   Backoff
	Security  Security
	// Identity is what the socket calls itself to a Router (RFC 28), at most
	// 255 bytes; empty for nothing.
	Identity string
	// Mode is that of the files of ipc endpoints; 0 means 0600.
	Mode fs.FileMode
	// Queue is the high-water mark: messages queued for one peer of a Push or
	// Pub, the batch being written included; for a Pull or Sub, messages of
	// all peers that Recv has not taken yet. 0 means 1000, as in libzmq.
	Queue int
	// Linger bounds how long Run goes on sending what is queued, and waits for
	// peers to take it, after its context has ended. 0 means 1 s; negative
	// means not at all.
	Linger time.Duration
	// Up is called with each new peer before anything is sent to it or
	// received from it, Down once after its end, with the reason. Both run on
	// the peer's own goroutine and may call the socket and the peer.
	Up   func(*Peer)
	Down func(*Peer, error)
	// Observe is told what happens to connections. It is called from the
	// socket's goroutines, several at once, and must not block.
	Observe func(Event)
}

// Limits bound what peers can make a socket hold. A field that is not positive
// means the default that its comment gives.
type Limits struct {
	Frame             int           // bytes of one received frame; 4 MiB
	Message           int           // bytes of all frames of one received message; 8 MiB
	FramesPerMessage  int           // of one received message; 64
	Subscriptions     int           // different prefixes of one subscriber; 1024
	Prefix            int           // bytes of one prefix of a subscriber; 1 KiB
	SubscriptionBytes int           // of all prefixes of one subscriber; 64 KiB
	Peers             int           // accepted connections at once; 4096
	PeersPerAddress   int           // of them from one IPv4 address or IPv6 /64; 2048
	Handshakes        int           // accepted connections not yet ready; 256. Beyond, the oldest is cut
	HandshakeTimeout  time.Duration // from connect or accept to ready; 5 s
	WriteTimeout      time.Duration // a peer that takes nothing for so long is cut; 10 s
}

// Heartbeat is ZMTP's PING and PONG (RFC 37). It reaches peers that announce
// ZMTP 3.1 or have sent a PING; others have TCP keepalive alone.
type Heartbeat struct {
	Interval time.Duration // between PINGs; 0 means 5 s, negative means none are sent
	Timeout  time.Duration // a peer not heard of for so long is cut at the next PING; 0 means 3 intervals
}

// Backoff bounds the wait before a connection is dialled again: a random time
// (full jitter) up to Min, doubled with each failure, up to Max.
type Backoff struct {
	Min time.Duration // 0 means 100 ms
	Max time.Duration // 0 means 10 s
}

func (o Options) withDefaults() Options {
	l := &o.Limits
	l.Frame = orDefault(l.Frame, 4<<20)
	l.Message = orDefault(l.Message, 8<<20)
	l.FramesPerMessage = orDefault(l.FramesPerMessage, 64)
	l.Subscriptions = orDefault(l.Subscriptions, 1024)
	l.SubscriptionBytes = orDefault(l.SubscriptionBytes, 64<<10)
	l.Prefix = min(orDefault(l.Prefix, 1<<10), l.SubscriptionBytes)
	l.Peers = orDefault(l.Peers, 4096)
	l.PeersPerAddress = orDefault(l.PeersPerAddress, 2048)
	l.Handshakes = orDefault(l.Handshakes, 256)
	l.HandshakeTimeout = orDefault(l.HandshakeTimeout, 5*time.Second)
	l.WriteTimeout = orDefault(l.WriteTimeout, 10*time.Second)
	o.Heartbeat.Interval = cmp.Or(o.Heartbeat.Interval, 5*time.Second)
	o.Heartbeat.Timeout = orDefault(o.Heartbeat.Timeout, 3*o.Heartbeat.Interval)
	o.Backoff.Min = orDefault(o.Backoff.Min, 100*time.Millisecond)
	o.Backoff.Max = max(o.Backoff.Min, orDefault(o.Backoff.Max, 10*time.Second))
	o.Queue = orDefault(o.Queue, 1000)
	o.Linger = cmp.Or(o.Linger, time.Second)
	o.Mode = cmp.Or(o.Mode, 0o600)
	return o
}

func orDefault[T int | time.Duration](value, standard T) T {
	if value <= 0 {
		return standard
	}
	return value
}
