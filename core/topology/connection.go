package topology

import (
	"cmp"
	"slices"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// Connection describes one connection of a socket as it is now.
type Connection struct {
	ID        uint64    `json:"id,string"` // beyond what every JSON reader holds
	Addr      string    `json:"addr"`
	Endpoint  string    `json:"endpoint"`
	Peer      string    `json:"peer,omitempty"`     // its name in [[peers]], or in its certificate
	Key       string    `json:"key,omitempty"`      // its CURVE key in Z85
	Identity  string    `json:"identity,omitempty"` // what it calls itself
	Mechanism string    `json:"mechanism"`          // NULL, CURVE or TLS
	Type      string    `json:"type"`               // of its socket, as in PULL
	Since     time.Time `json:"since"`
	Heard     time.Time `json:"heard"`
	Queued    uint64    `json:"queued"`
	Sent      uint64    `json:"sent"`
	Dropped   uint64    `json:"dropped"`
	Received  uint64    `json:"received"`
	Ignored   uint64    `json:"ignored"` // subscriptions beyond its topics
	Topics    int       `json:"topics"`  // prefixes it subscribes to
	Slow      bool      `json:"slow"`    // deliveries are dropped for it
	Paused    bool      `json:"paused"`  // it is not read from until the router has room
}

// Counts are a socket's since its start.
type Counts struct {
	Connected uint64            `json:"connected"`
	Refused   uint64            `json:"refused"`
	Cut       uint64            `json:"cut"`
	Panics    uint64            `json:"panics"`
	Ignored   uint64            `json:"ignored"`
	Reasons   map[string]uint64 `json:"reasons,omitempty"` // of refused and cut
}

// Connections describes every connection, the oldest first.
func (s *socket) Connections() []Connection {
	peers := s.Peers()
	out := make([]Connection, len(peers))
	for i, p := range peers {
		f := p.Facts()
		out[i] = Connection{ID: p.ID(), Addr: p.Addr(), Endpoint: p.Endpoint(), Peer: p.Name(), Identity: p.Identity(), Mechanism: f.Mechanism,
			Type: f.SocketType, Since: f.Since, Heard: f.Heard, Queued: f.Queued, Sent: f.Sent, Dropped: f.Dropped, Received: f.Received,
			Ignored: f.Ignored, Topics: f.Topics, Slow: f.Slow, Paused: f.Paused}
		if p.Key() != (curve.Public{}) {
			out[i].Key = p.Key().String()
		}
	}
	slices.SortFunc(out, func(a, b Connection) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return out
}

// Counts tells what became of connections.
func (s *socket) Counts() Counts {
	st := s.Stats()
	out := Counts{Connected: st.Accepted, Refused: st.Refused, Cut: st.Cut, Panics: st.Panics, Ignored: st.Ignored}
	if len(st.Reasons) > 0 {
		out.Reasons = make(map[string]uint64, len(st.Reasons))
		for reason, n := range st.Reasons {
			out.Reasons[string(reason)] = n
		}
	}
	return out
}

var _ = []wire{(*zmq.Push)(nil), (*zmq.Pub)(nil), (*zmq.Pull)(nil), (*zmq.Router)(nil)}
