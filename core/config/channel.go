package config

// replies checks [replies].
func (k *checker) replies() {
	r := &k.c.Replies
	k.socket(r.socket())
	if r.Advertise == "" {
		if a, err := parseAddress(r.Listen, "tcp", "ipc"); err == nil && a.everywhere() {
			k.hint("replies.listen", `set advertise, as in "tcp://router-1:5557"`, "consumers cannot be told to reply to %s", a.host)
		}
		return
	}
	told, err := parseAddress(r.Advertise, "tcp", "ipc")
	switch {
	case err != nil:
		k.bad("replies.advertise", "%v", err)
	case told.everywhere() || told.scheme == "tcp" && told.port == 0:
		k.bad("replies.advertise", "nobody can connect to %s", r.Advertise)
	}
}

func (k *checker) channel(ch *Channel, key string) {
	k.name("channels", ch.Name, join(key, "name"))
	k.classKeys(ch, key)
	k.ends(ch, key)
	if ch.Class == "command" {
		if ch.MaxHold < ch.AckTimeout {
			k.bad(join(key, "max_hold"), "%v is less than ack_timeout, %v", ch.MaxHold, ch.AckTimeout)
		}
		if ch.MaxHold > k.c.Journal.KeepStatus { // a late reply is checked by its event's status
			k.bad(join(key, "max_hold"), "%v is more than journal.keep_status, %v", ch.MaxHold, k.c.Journal.KeepStatus)
		}
		if ch.Backoff.Max < ch.Backoff.Min {
			k.bad(join(join(key, "backoff"), "max"), "%v is less than min, %v", ch.Backoff.Max, ch.Backoff.Min)
		}
	}
	k.require(&ch.Require.Require, join(key, "require"))
	k.refer(ch.Require.Transforms, "transform", join(join(key, "require"), "transforms"), k.transformNames())
}

func (ch *Channel) class() string { return ch.Class }

// ends checks listen or connect: one of the two.
func (k *checker) ends(ch *Channel, key string) {
	listens, connects := k.spots.has(join(key, "listen")), k.spots.has(join(key, "connect"))
	switch {
	case listens && connects:
		k.bad(join(key, "connect"), "a channel has listen or connect, not both")
	case !listens && !connects:
		k.hint(key, `as in listen = "tcp://127.0.0.1:5555"`, "a channel needs listen or connect")
	default:
		k.socket(ch.socket(key))
	}
}
