// Package process is what a router owes to the host that it lives on, whoever
// started it: a shell, systemd or a container runtime.
//
// [NewNotifier] tells a service manager when the router is ready, reloads, stops
// and is alive. [LimitMemory] has the garbage collector keep within the memory of
// the cgroup. [ReapOrphans] does what the kernel expects of PID 1. Each does nothing
// where there is nothing of its kind.
package process
