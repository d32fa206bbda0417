package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
)

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// families lists every metric that is read from a snapshot.
func families() []family {
	return slices.Concat(general(), doors(), store(), journal(), commands(), telemetry(), plugins(), trust(), audit(), traces())
}

type give = func(value float64, labels ...string)

// one is a metric without labels.
func one(name, help string, kind prometheus.ValueType, of func(s *snapshot) float64) family {
	return family{name: name, help: help, kind: kind, values: func(s *snapshot, give give) { give(of(s)) }}
}

func general() []family {
	return []family{
		{name: "headgate_build_info", help: "1, with the version that runs.", kind: gauge, labels: []string{"version"},
			values: func(s *snapshot, give give) { give(1, s.Version) }},
		one("headgate_start_time_seconds", "When the router started, since 1970.", gauge, func(s *snapshot) float64 { return stamp(s.Started) }),
		one("headgate_ready", "1 while the router can do all of its work.", gauge, func(s *snapshot) float64 { return truth(s.Readiness().Ready) }),
		{name: "headgate_unready", help: "What keeps the router from being ready: how many of that kind.", kind: gauge, labels: []string{"what"},
			values: func(s *snapshot, give give) {
				counts := make(map[string]int)
				for _, f := range s.Readiness().Faults {
					counts[f.What]++
				}
				for _, what := range admin.Kinds() {
					give(float64(counts[what]), what)
				}
			}},
		{name: "headgate_intake_events_total", help: "What became of events and requests: accepted, duplicate or refused.", kind: counter, labels: []string{"result"},
			values: func(s *snapshot, give give) {
				give(float64(s.Intake.Accepted), "accepted")
				give(float64(s.Intake.Duplicate), "duplicate")
				give(float64(s.Intake.Refused), "refused")
			}},
		one("headgate_replies_taken_total", "Replies of consumers that were understood.", counter, func(s *snapshot) float64 { return float64(s.Replies.Taken) }),
		one("headgate_replies_bad_total", "Replies of consumers that were not.", counter, func(s *snapshot) float64 { return float64(s.Replies.Bad) }),
		{name: "headgate_keys", help: "Keys of senders by state.", kind: gauge, labels: []string{"auth", "state"},
			values: func(s *snapshot, give give) {
				counts := make(map[[2]string]int)
				for _, k := range s.keys.Senders {
					counts[[2]string{k.Auth, k.State}]++
				}
				for of, n := range counts {
					give(float64(n), of[0], of[1])
				}
			}},
		one("headgate_delivery_keys", "Keys of the router's own that consumers may trust.", gauge, func(s *snapshot) float64 { return float64(len(s.keys.Delivery)) }),
		{name: "headgate_keys_stale", help: "1 while what stands in the files of keys is not good, and older keys count.", kind: gauge, labels: []string{"keys"},
			values: func(s *snapshot, give give) {
				give(truth(s.keys.SendersFault != ""), "senders")
				give(truth(s.keys.DeliveryFault != ""), "delivery")
			}},
		{name: "headgate_log_lines_left_out_total", help: "Lines of a part's log that were more than it may write in a second.", kind: counter, labels: []string{"part"},
			values: func(s *snapshot, give give) {
				for _, l := range s.levels {
					give(float64(l.LeftOut), l.Part)
				}
			}},
		one("headgate_tail_readers", "Operators who look at decisions now.", gauge, func(s *snapshot) float64 { return float64(s.Tail.Readers) }),
		one("headgate_tail_missed_total", "Decisions that such operators were too slow for.", counter, func(s *snapshot) float64 { return float64(s.Tail.Missed) }),
	}
}

// sockets gives every ZeroMQ socket, with the kind of its part and its name.
func (s *snapshot) sockets(each func(of *admin.Socket, part, name string)) {
	for i := range s.Doors {
		if d := &s.Doors[i]; d.Socket != nil {
			each(d.Socket, "ingress", d.Name)
		}
	}
	each(&s.Replies.Socket, "replies", "replies")
	for i := range s.Commands {
		each(&s.Commands[i].Socket, "channel", s.Commands[i].Name)
	}
	for i := range s.Telemetry {
		each(&s.Telemetry[i].Socket, "channel", s.Telemetry[i].Name)
	}
}

func doors() []family {
	zmq := func(name, help string, of func(d *admin.Door) uint64) family {
		return family{name: name, help: help, kind: counter, labels: []string{"ingress"}, values: func(s *snapshot, give give) {
			for i := range s.Doors {
				if d := &s.Doors[i]; d.ZMQ != nil {
					give(float64(of(d)), d.Name)
				}
			}
		}}
	}
	socket := func(name, help string, kind prometheus.ValueType, of func(*admin.Socket) float64) family {
		return family{name: name, help: help, kind: kind, labels: []string{"part", "name"}, values: func(s *snapshot, give give) {
			s.sockets(func(x *admin.Socket, part, name string) { give(of(x), part, name) })
		}}
	}
	return []family{
		zmq("headgate_ingress_zmq_requests_total", "Requests that came to a ZeroMQ ingress.", func(d *admin.Door) uint64 { return d.ZMQ.Requests }),
		zmq("headgate_ingress_zmq_answers_total", "Answers that a ZeroMQ ingress gave.", func(d *admin.Door) uint64 { return d.ZMQ.Answers }),
		zmq("headgate_ingress_zmq_dropped_total", "Requests to a ZeroMQ ingress without an answer: not readable, or the sender is gone.", func(d *admin.Door) uint64 { return d.ZMQ.Dropped }),
		socket("headgate_socket_connections", "Connections of a ZeroMQ socket: of a command channel, its consumers.", gauge, func(x *admin.Socket) float64 { return float64(len(x.Connections)) }),
		socket("headgate_socket_connected_total", "Connections that a ZeroMQ socket had.", counter, func(x *admin.Socket) float64 { return float64(x.Connected) }),
		socket("headgate_socket_refused_total", "Connections that a ZeroMQ socket did not take.", counter, func(x *admin.Socket) float64 { return float64(x.Refused) }),
		socket("headgate_socket_cut_total", "Connections that a ZeroMQ socket ended.", counter, func(x *admin.Socket) float64 { return float64(x.Cut) }),
		socket("headgate_socket_panics_total", "Connections whose end was a fault of the router's own.", counter, func(x *admin.Socket) float64 { return float64(x.Panics) }),
		socket("headgate_socket_ignored_total", "Subscriptions beyond what a peer may see.", counter, func(x *admin.Socket) float64 { return float64(x.Ignored) }),
		{name: "headgate_socket_ended_total", help: "Refused and cut connections by reason.", kind: counter, labels: []string{"part", "name", "reason"},
			values: func(s *snapshot, give give) {
				s.sockets(func(x *admin.Socket, part, name string) {
					for reason, n := range x.Reasons {
						give(float64(n), part, name, reason)
					}
				})
			}},
	}
}

func store() []family {
	channel := func(name, help string, of func(outbox.ChannelStats) float64) family {
		return family{name: name, help: help, kind: gauge, labels: []string{"channel"}, values: func(s *snapshot, give give) {
			for name, st := range s.Outbox.Channels {
				give(of(st), name)
			}
		}}
	}
	return []family{
		one("headgate_outbox_durable", "1 if what is accepted survives the process.", gauge, func(s *snapshot) float64 { return truth(s.Outbox.Durable) }),
		one("headgate_outbox_events", "Events that are held, dead letters among them.", gauge, func(s *snapshot) float64 { return float64(s.Outbox.Entries) }),
		one("headgate_outbox_ids", "Identities that are remembered, so that none is accepted twice.", gauge, func(s *snapshot) float64 { return float64(s.Outbox.IDs) }),
		one("headgate_outbox_bytes", "Bytes of events that are held.", gauge, func(s *snapshot) float64 { return float64(s.Outbox.Bytes) }),
		one("headgate_outbox_capacity_bytes", "Bytes of events that may be held.", gauge, func(s *snapshot) float64 { return float64(s.Outbox.Capacity) }),
		channel("headgate_channel_pending", "Events that wait on a command channel or are out; of channels that are gone from the TOML, too.", func(c outbox.ChannelStats) float64 { return float64(c.Pending) }),
		channel("headgate_channel_out", "Events that consumers have now.", func(c outbox.ChannelStats) float64 { return float64(c.Out) }),
		channel("headgate_channel_held", "Pending events that an operator holds.", func(c outbox.ChannelStats) float64 { return float64(c.Held) }),
		channel("headgate_channel_shelved", "Pending events that wait for a transform to come back.", func(c outbox.ChannelStats) float64 { return float64(c.Shelved) }),
		channel("headgate_channel_dead", "Dead letters.", func(c outbox.ChannelStats) float64 { return float64(c.Dead) }),
		channel("headgate_channel_bytes", "Bytes of pending events and dead letters.", func(c outbox.ChannelStats) float64 { return float64(c.Bytes) }),
	}
}

func journal() []family {
	disk := func(name, help string, kind prometheus.ValueType, of func(*outbox.Disk) float64) family {
		return family{name: name, help: help, kind: kind, values: func(s *snapshot, give give) {
			if s.Outbox.Disk != nil {
				give(of(s.Outbox.Disk))
			}
		}}
	}
	commits := func(name, help string, unit float64, of func(*outbox.Disk) *outbox.Histogram) family {
		return family{name: name, help: help, histogram: func(s *snapshot) (*outbox.Histogram, float64) {
			if s.Outbox.Disk == nil {
				return nil, 0
			}
			return of(s.Outbox.Disk), unit
		}}
	}
	return []family{
		disk("headgate_journal_refusing", "1 while the journal takes nothing new.", gauge, func(d *outbox.Disk) float64 { return truth(d.Refusing != "") }),
		disk("headgate_journal_bytes", "Bytes of the journal's files.", gauge, func(d *outbox.Disk) float64 { return float64(d.Bytes) }),
		disk("headgate_journal_free_bytes", "Bytes that are free on its file system.", gauge, func(d *outbox.Disk) float64 { return float64(d.Free) }),
		disk("headgate_journal_reserve_bytes", "Bytes that have to stay free: with fewer nothing new is taken.", gauge, func(d *outbox.Disk) float64 { return float64(d.Reserve) }),
		disk("headgate_journal_segments", "Files of the journal.", gauge, func(d *outbox.Disk) float64 { return float64(d.Segments) }),
		disk("headgate_journal_damaged_total", "Records that were found unreadable.", counter, func(d *outbox.Disk) float64 { return float64(d.Damaged) }),
		commits("headgate_journal_commit_records", "Records that were written and synced at once.", 1, func(d *outbox.Disk) *outbox.Histogram { return &d.Commits }),
		commits("headgate_journal_commit_bytes", "Bytes that were written and synced at once.", 1, func(d *outbox.Disk) *outbox.Histogram { return &d.Writes }),
		commits("headgate_journal_commit_duration_seconds", "Time that one write with its sync took.", 1e-6, func(d *outbox.Disk) *outbox.Histogram { return &d.Syncs }),
	}
}
