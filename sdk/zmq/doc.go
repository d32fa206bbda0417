// Package zmq gives Go programs ZeroMQ sockets that survive the open network.
//
// Make one with [NewPush], [NewPub], [NewPull], [NewSub], [NewRouter] or
// [NewDealer], name its endpoints with Listen and Connect, start Run in a
// goroutine of your own, and Send or Recv. Who must know every peer takes the
// [Peer] values that [Options].Up gives it and sends to each by [Peer.Send].
// [Security] is CURVE or TLS; without it messages go in the clear (mechanism
// NULL), which belongs on loopback, in ipc files or on a network that something
// else protects.
//
// What is promised, to any peer that speaks ZMTP 3.0 or later (libzmq 4 and
// its bindings, NetMQ, JeroMQ, zmq4):
//
//   - a peer costs at most what [Limits] says, whatever it sends or omits; it
//     cannot block, slow or crash another one;
//   - a Push spreads messages over its peers and never drops one: Send blocks
//     while nobody can take it, and what a lost connection had not taken goes
//     to another one. What the kernel has taken is out of reach: only an
//     acknowledgement by the application shows that a message was processed;
//   - a Pub never blocks: each subscriber has its own bounded queue, and every
//     message that matched is counted as sent, dropped or queued, exactly;
//   - whom Security lets in has proven its key, and every refusal is counted by
//     its reason;
//   - PING is answered, PINGs are sent, and a peer that died is noticed;
//   - Run returns when its context has ended, with every goroutine ended.
//
// Frames are not copied on their way out: do not change them after a Send.
//
// The package adds sockets and a guarded connection to the ZMTP codec of
// github.com/go-zeromq/zmq4, whose own sockets it does not use. CURVE and TLS
// sit below both.
package zmq
