package config

import (
	"reflect"
	"slices"
)

// replies checks [replies].
func (k *checker) replies() {
	r := &k.c.Replies
	a, err := parseAddress(r.Listen, "tcp", "ipc")
	if err != nil {
		k.bad("replies.listen", "%v", err)
		return
	}
	k.listen(a, "replies.listen")
	k.zmq(a, "replies.listen", r.AllowPlainZMQ)
	if r.Advertise == "" {
		if a.everywhere() {
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
	k.require(&ch.Require, join(key, "require"))
}

// classKeys refuses keys of the other class.
func (k *checker) classKeys(ch *Channel, key string) {
	if ch.Class != "command" && ch.Class != "telemetry" {
		return
	}
	for _, field := range fields(reflect.TypeFor[Channel]()) {
		class, at := field.Tag.Get("class"), join(key, field.Tag.Get("toml"))
		if class != "" && class != ch.Class && k.spots.has(at) {
			k.bad(at, "is for channels of class %q only", class)
		}
	}
}

// ends checks listen or connect: one of the two.
func (k *checker) ends(ch *Channel, key string) {
	listens, connects := k.spots.has(join(key, "listen")), k.spots.has(join(key, "connect"))
	switch {
	case listens && connects:
		k.bad(join(key, "connect"), "a channel has listen or connect, not both")
	case !listens && !connects:
		k.hint(key, `as in listen = "tcp://127.0.0.1:5555"`, "a channel needs listen or connect")
	case listens:
		at := join(key, "listen")
		a, err := parseAddress(ch.Listen, "tcp", "ipc")
		if err != nil {
			k.bad(at, "%v", err)
			return
		}
		k.listen(a, at)
		k.zmq(a, at, ch.AllowPlainZMQ)
	default:
		k.connect(ch, join(key, "connect"))
	}
}

func (k *checker) connect(ch *Channel, key string) {
	if len(ch.Connect) == 0 {
		k.bad(key, "must name at least one consumer's address")
	}
	for i, text := range ch.Connect {
		at := item(key, i)
		a, err := parseAddress(text, "tcp", "ipc")
		switch {
		case err != nil:
			k.bad(at, "%v", err)
		case a.everywhere() || a.scheme == "tcp" && a.port == 0:
			k.bad(at, "nobody can connect to %s", text)
		case slices.Contains(ch.Connect[:i], text):
			k.bad(at, "%s is listed already", text)
		default:
			k.zmq(a, at, ch.AllowPlainZMQ)
		}
	}
}
