package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/supervisor"
	bundle "github.com/headgate-io/headgate/core/trust"
)

func commands() []family {
	of := func(name, help string, kind prometheus.ValueType, value func(c *admin.Command) int) family {
		return family{name: name, help: help, kind: kind, labels: []string{"channel"}, values: func(s *snapshot, give give) {
			for i := range s.Commands {
				give(float64(value(&s.Commands[i])), s.Commands[i].Name)
			}
		}}
	}
	sum := func(c *admin.Command, value func(i int) int) (total int) {
		for i := range c.Conns {
			total += value(i)
		}
		return total
	}
	return []family{
		{name: "headgate_channel_oldest_pending_seconds", help: "Age of the oldest event that waits on a command channel or is out, 0 for none; those that an operator holds do not count.",
			kind: gauge, labels: []string{"channel"}, values: func(s *snapshot, give give) {
				for i := range s.Commands {
					give(age(s.Commands[i].Oldest), s.Commands[i].Name)
				}
			}},
		of("headgate_channel_paused", "1 while an operator lets a command channel hand nothing out.", gauge, func(c *admin.Command) int { return int(truth(c.Paused)) }),
		of("headgate_channel_consumers", "Consumers of a command channel.", gauge, func(c *admin.Command) int { return len(c.Conns) }),
		of("headgate_channel_mute_consumers", "Consumers that took deliveries and settle none.", gauge, func(c *admin.Command) int {
			return sum(c, func(i int) int { return int(truth(c.Conns[i].Mute)) })
		}),
		of("headgate_channel_credit", "Deliveries that the consumers of a channel may have at once.", gauge, func(c *admin.Command) int {
			return sum(c, func(i int) int { return c.Conns[i].Window })
		}),
		of("headgate_channel_waiting", "Events in hand that wait for a consumer with credit.", gauge, func(c *admin.Command) int { return c.Waiting }),
		of("headgate_channel_brake", "Most deliveries at once while most of them fail; 0 at full speed.", gauge, func(c *admin.Command) int { return c.Brake }),
		of("headgate_channel_sent_total", "Deliveries.", counter, func(c *admin.Command) int { return c.Counts.Sent }),
		of("headgate_channel_done_total", "Events that a consumer has done.", counter, func(c *admin.Command) int { return c.Counts.Done }),
		of("headgate_channel_late_total", "Of these, after their lease had lapsed.", counter, func(c *admin.Command) int { return c.Counts.Late }),
		of("headgate_channel_retried_total", "Deliveries that a consumer wants again.", counter, func(c *admin.Command) int { return c.Counts.Retried }),
		of("headgate_channel_lapsed_total", "Deliveries without a reply within ack_timeout.", counter, func(c *admin.Command) int { return c.Counts.Lapsed }),
		of("headgate_channel_lost_total", "Deliveries that are blamed for the end of their connection.", counter, func(c *admin.Command) int { return c.Counts.Lost }),
		of("headgate_channel_returned_total", "Deliveries that came back unharmed.", counter, func(c *admin.Command) int { return c.Counts.Returned }),
		of("headgate_channel_dead_total", "Events that became dead letters.", counter, func(c *admin.Command) int { return c.Counts.Dead }),
		of("headgate_channel_stale_replies_total", "Replies that named an older lease.", counter, func(c *admin.Command) int { return c.Counts.Stale }),
		of("headgate_channel_repeated_replies_total", "Replies to what had ended.", counter, func(c *admin.Command) int { return c.Counts.Repeated }),
		of("headgate_channel_transformed_total", "Events that came through their transforms.", counter, func(c *admin.Command) int { return c.Counts.Transformed }),
		of("headgate_channel_dropped_total", "Events that a transform ended on purpose.", counter, func(c *admin.Command) int { return c.Counts.Dropped }),
	}
}

func telemetry() []family {
	of := func(name, help string, kind prometheus.ValueType, value func(t *admin.Telemetry) uint64) family {
		return family{name: name, help: help, kind: kind, labels: []string{"channel"}, values: func(s *snapshot, give give) {
			for i := range s.Telemetry {
				give(float64(value(&s.Telemetry[i])), s.Telemetry[i].Name)
			}
		}}
	}
	return []family{
		of("headgate_telemetry_subscribers", "Subscribers of a telemetry channel.", gauge, func(t *admin.Telemetry) uint64 { return uint64(t.Subscribers) }),
		of("headgate_telemetry_queued", "Deliveries that wait for subscribers.", gauge, func(t *admin.Telemetry) uint64 { return t.Queued }),
		of("headgate_telemetry_published_total", "Events that went to a telemetry channel.", counter, func(t *admin.Telemetry) uint64 { return t.Published }),
		of("headgate_telemetry_ring_dropped_total", "Events that never reached its socket.", counter, func(t *admin.Telemetry) uint64 { return t.RingDropped }),
		of("headgate_telemetry_sent_total", "Deliveries to subscribers.", counter, func(t *admin.Telemetry) uint64 { return t.Sent }),
		of("headgate_telemetry_dropped_total", "Deliveries over a subscriber's high-water mark.", counter, func(t *admin.Telemetry) uint64 { return t.Dropped }),
	}
}

func plugins() []family {
	of := func(name, help string, kind prometheus.ValueType, value func(p *admin.Plugin) int) family {
		return family{name: name, help: help, kind: kind, labels: []string{"plugin"}, values: func(s *snapshot, give give) {
			for i := range s.Plugins {
				give(float64(value(&s.Plugins[i])), s.Plugins[i].Name)
			}
		}}
	}
	states := []supervisor.State{supervisor.Stopped, supervisor.Starting, supervisor.Configuring, supervisor.Ready, supervisor.Degraded, supervisor.Draining, supervisor.Backoff, supervisor.Quarantined}
	return []family{
		{name: "headgate_plugin_state", help: "1 for the state that the plugin of a transform or an [[auth]] is in.", kind: gauge, labels: []string{"plugin", "state"},
			values: func(s *snapshot, give give) {
				for i := range s.Plugins {
					for _, state := range states {
						give(truth(s.Plugins[i].State == state), s.Plugins[i].Name, string(state))
					}
				}
			}},
		of("headgate_plugin_starts_total", "Processes of a plugin since the router started.", counter, func(p *admin.Plugin) int { return p.Generation }),
		of("headgate_plugin_failures_total", "Processes of a plugin that failed or could not begin.", counter, func(p *admin.Plugin) int { return p.Failures }),
		of("headgate_plugin_in_flight", "Calls that a plugin works on.", gauge, func(p *admin.Plugin) int { return p.InFlight }),
		of("headgate_plugin_calls_total", "Calls of a plugin.", counter, func(p *admin.Plugin) int { return p.Calls }),
		of("headgate_plugin_events_total", "Events in these calls.", counter, func(p *admin.Plugin) int { return p.Events }),
		of("headgate_plugin_failed_events_total", "Events that a plugin failed.", counter, func(p *admin.Plugin) int { return p.Failed }),
		of("headgate_plugin_deadline_misses_total", "Calls that took longer than their timeout.", counter, func(p *admin.Plugin) int { return p.Misses }),
		of("headgate_plugin_isolated_events_total", "Events that were run alone, because one of them ended the plugin.", counter, func(p *admin.Plugin) int { return p.Isolated }),
		of("headgate_plugin_blamed_events_total", "Events that were given up because they end the plugin.", counter, func(p *admin.Plugin) int { return p.Blamed }),
		of("headgate_plugin_log_lines_dropped_total", "Lines of a plugin's own log beyond what it may write.", counter, func(p *admin.Plugin) int { return p.Dropped }),
	}
}

func trust() []family {
	of := func(name, help string, value func(t *admin.Trust) (float64, bool)) family {
		return family{name: name, help: help, kind: gauge, labels: []string{"auth"}, values: func(s *snapshot, give give) {
			for i := range s.Trust {
				if v, known := value(&s.Trust[i]); known {
					give(v, s.Trust[i].Name)
				}
			}
		}}
	}
	issuer := func(name, help string, value func(i *bundle.IssuerFact) (float64, bool)) family {
		return family{name: name, help: help, kind: gauge, labels: []string{"auth", "issuer"}, values: func(s *snapshot, give give) {
			for i := range s.Trust {
				for j := range s.Trust[i].Issuers {
					if v, known := value(&s.Trust[i].Issuers[j]); known {
						give(v, s.Trust[i].Name, s.Trust[i].Issuers[j].Issuer)
					}
				}
			}
		}}
	}
	states := []string{bundle.TrustFresh, bundle.TrustStale, bundle.TrustDead, bundle.TrustNone}
	return []family{
		{name: "headgate_trust_state", help: "1 for the state that the keys of an issuer are in.", kind: gauge, labels: []string{"auth", "issuer", "state"},
			values: func(s *snapshot, give give) {
				for _, t := range s.Trust {
					for _, i := range t.Issuers {
						for _, state := range states {
							give(truth(i.State == state), t.Name, i.Issuer, state)
						}
					}
				}
			}},
		of("headgate_trust_fetched_timestamp_seconds", "When the keys that count were fetched, since 1970: their age is time() less it.", func(t *admin.Trust) (float64, bool) { return stamp(t.FetchedAt), !t.FetchedAt.IsZero() }),
		of("headgate_trust_revocations", "Tokens and subjects that are revoked.", func(t *admin.Trust) (float64, bool) { return float64(t.Revocations), true }),
		of("headgate_trust_refused", "1 while the newest that a plugin brought was not taken.", func(t *admin.Trust) (float64, bool) { return truth(t.Refused != nil), true }),
		issuer("headgate_trust_keys", "Keys of an issuer.", func(i *bundle.IssuerFact) (float64, bool) { return float64(len(i.Keys)), true }),
		issuer("headgate_trust_usable_until_timestamp_seconds", "When the tokens of an issuer are no longer taken if nothing new comes, since 1970.", func(i *bundle.IssuerFact) (float64, bool) {
			return stamp(i.UsableUntil), !i.UsableUntil.IsZero()
		}),
	}
}

func audit() []family {
	of := func(name, help string, kind prometheus.ValueType, value func(a *admin.Audit) (float64, bool)) family {
		return family{name: name, help: help, kind: kind, values: func(s *snapshot, give give) {
			if s.Audit == nil {
				return
			}
			if v, known := value(s.Audit); known {
				give(v)
			}
		}}
	}
	return []family{
		of("headgate_audit_failing", "1 while nothing is accepted because the audit log does not take it.", gauge, func(a *admin.Audit) (float64, bool) { return truth(a.Failing != ""), true }),
		of("headgate_audit_records", "Records of the audit log, from its first one on.", gauge, func(a *admin.Audit) (float64, bool) { return float64(a.Records), true }),
		of("headgate_audit_bytes", "Bytes of its files.", gauge, func(a *admin.Audit) (float64, bool) { return float64(a.Bytes), true }),
		of("headgate_audit_files", "Its files.", gauge, func(a *admin.Audit) (float64, bool) { return float64(a.Files), true }),
		of("headgate_audit_behind", "Decisions in the store that are not in the audit log yet.", gauge, func(a *admin.Audit) (float64, bool) { return float64(a.Behind), true }),
		of("headgate_audit_suppressed_total", "Refusals that are in the audit log as a count alone.", counter, func(a *admin.Audit) (float64, bool) { return float64(a.Suppressed), true }),
		of("headgate_audit_exports", "Places elsewhere where checkpoints are kept.", gauge, func(a *admin.Audit) (float64, bool) { return float64(a.Exports), true }),
		of("headgate_audit_checkpoint_timestamp_seconds", "When the newest checkpoint was signed, since 1970.", gauge, func(a *admin.Audit) (float64, bool) { return stamp(a.Checkpoint), !a.Checkpoint.IsZero() }),
		of("headgate_audit_exported_timestamp_seconds", "When a checkpoint last came to a place elsewhere, since 1970.", gauge, func(a *admin.Audit) (float64, bool) { return stamp(a.Exported), !a.Exported.IsZero() }),
	}
}

func traces() []family {
	of := func(name, help string, value func(t *admin.Traces) float64) family {
		return family{name: name, help: help, kind: gauge, values: func(s *snapshot, give give) {
			if s.Traces != nil {
				give(value(s.Traces))
			}
		}}
	}
	return []family{
		{name: "headgate_trace_spans_total", help: "What became of spans: exported, rejected by the collector, or dropped, which it did not take in time.", kind: counter, labels: []string{"result"},
			values: func(s *snapshot, give give) {
				if s.Traces != nil {
					give(float64(s.Traces.Exported), "exported")
					give(float64(s.Traces.Rejected), "rejected")
					give(float64(s.Traces.Dropped), "dropped")
				}
			}},
		of("headgate_trace_queued", "Spans that wait for the collector.", func(t *admin.Traces) float64 { return float64(t.Queued) }),
		of("headgate_trace_failing", "1 while no spans reach the collector.", func(t *admin.Traces) float64 { return truth(t.Failing) }),
	}
}
