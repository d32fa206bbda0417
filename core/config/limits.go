package config

// limits checks bounds against one another.
func (k *checker) limits() {
	l := &k.c.Limits
	if l.MessageBytes < l.FrameBytes {
		k.bad("limits.message_bytes", "%v is less than frame_bytes, %v", l.MessageBytes, l.FrameBytes)
	}
	if l.WorkBytes < l.MessageBytes { // such a request would never be taken
		k.bad("limits.work_bytes", "%v is less than message_bytes, %v", l.WorkBytes, l.MessageBytes)
	}
	if l.HeartbeatTimeout <= l.Heartbeat { // a peer has to answer one PING at least
		k.bad("limits.heartbeat_timeout", "%v must be more than heartbeat, %v", l.HeartbeatTimeout, l.Heartbeat)
	}
	if l.ReconnectMax < l.ReconnectMin {
		k.bad("limits.reconnect_max", "%v is less than reconnect_min, %v", l.ReconnectMax, l.ReconnectMin)
	}
}
