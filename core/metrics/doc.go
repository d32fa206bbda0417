// Package metrics shows a router to Prometheus.
//
// Begin with [New]; [Metrics.Handler] answers a scrape. What the router knows of
// itself anyway is read from it then and costs nothing in between. What has to be
// counted as it passes goes to [Intake] and [Channel], whose methods neither block
// nor allocate, and do nothing on nil.
//
// Labels have names of the TOML, codes and states, and nothing that a peer chose.
// README.md beside this file lists every metric.
package metrics
