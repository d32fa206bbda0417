package audit

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/headgate-io/headgate/sdk"
)

// What a line begins with: its index after prefix, the hash of the one before after
// link. It has no other form.
const (
	prefix = `{"n":`
	link   = `,"prev":"`
)

// hashText is the length of a hash in base64.
const hashText = 44

// encoder makes lines.
type encoder struct {
	boot   string
	second int64  // that stamp is of
	stamp  []byte // up to the fraction
}

// line appends the line of a record made at t to b, without its newline.
func (e *encoder) line(b []byte, n int64, prev *tlog.Hash, t time.Time, r *Record) []byte {
	b = append(b, prefix...)
	b = strconv.AppendInt(b, n, 10)
	b = append(b, link...)
	b = base64.StdEncoding.AppendEncode(b, prev[:])
	b = append(b, `","ts":`...)
	b = e.time(b, t)
	b = appendField(b, `,"boot":`, e.boot)
	b = append(b, `,"action":`...)
	b = appendText(b, r.Action, maxText)
	b = appendField(b, `,"outcome":`, r.Outcome)
	b = appendField(b, `,"reason":`, r.Reason)
	b = appendField(b, `,"request":`, r.Request)
	if r.Ingress != "" || r.Addr != "" {
		b = append(b, `,"src":{`...)
		b = appendField(b, `,"ingress":`, r.Ingress)
		b = appendField(b, `,"addr":`, r.Addr)
		b = closed(b)
	}
	if r.Unproven {
		b = append(b, `,"unverified":{`...)
	}
	b = appendPrincipal(b, r.Principal)
	b = appendField(b, `,"key":`, r.Key)
	b = appendEvent(b, &r.Event)
	if r.Unproven {
		b = closed(b)
	}
	b = appendNumber(b, `,"seq":`, r.Seq)
	if r.Pos != (Position{}) {
		b = append(b, `,"pos":[`...)
		b = strconv.AppendUint(b, r.Pos.Event, 10)
		b = append(b, ',')
		b = strconv.AppendUint(b, r.Pos.State, 10)
		b = append(b, ']')
	}
	b = appendField(b, `,"channel":`, r.Channel)
	b = appendNumber(b, `,"attempt":`, uint64(max(r.Attempt, 0)))
	b = appendNumber(b, `,"failures":`, uint64(max(r.Failures, 0)))
	if len(r.Routes) > 0 {
		b = append(b, `,"routes":[`...)
		for i, route := range r.Routes[:min(len(r.Routes), maxItems)] {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, route, maxText)
		}
		b = append(b, ']')
	}
	b = appendField(b, `,"actor":`, r.Actor)
	if r.Why != "" {
		b = append(b, `,"why":`...)
		b = appendText(b, r.Why, maxWhy)
	}
	b = appendField(b, `,"from":`, r.From)
	b = appendField(b, `,"to":`, r.To)
	if !r.Since.IsZero() {
		b = append(b, `,"since":`...)
		b = e.time(b, r.Since)
	}
	b = appendNumber(b, `,"count":`, r.Count)
	b = appendNumber(b, `,"bytes":`, r.Bytes)
	if len(r.Detail) > 0 {
		b = append(b, `,"detail":{`...)
		for _, name := range names(r.Detail) {
			if b[len(b)-1] != '{' {
				b = append(b, ',')
			}
			b = appendText(b, name, maxText)
			b = append(b, ':')
			b = appendText(b, r.Detail[name], maxText)
		}
		b = append(b, '}')
	}
	if r.open != nil {
		b = append(b, `,"open":`...)
		b = r.open.append(b)
	}
	return append(b, '}')
}

// time appends RFC 3339 in UTC, always with nine digits of a second.
func (e *encoder) time(b []byte, t time.Time) []byte {
	if second := t.Unix(); second != e.second || e.stamp == nil {
		e.second, e.stamp = second, t.UTC().AppendFormat(e.stamp[:0], `"2006-01-02T15:04:05.`)
	}
	b = append(b, e.stamp...)
	ns := t.Nanosecond()
	at := len(b)
	b = append(b, "000000000"...)
	for i := at + 8; ns > 0; i-- {
		b[i] += byte(ns % 10)
		ns /= 10
	}
	return append(b, 'Z', '"')
}

func appendPrincipal(b []byte, p sdk.Principal) []byte {
	if p == (sdk.Principal{}) {
		return b
	}
	b = begun(b, `,"principal":{`)
	b = appendField(b, `,"provider":`, p.Provider)
	b = appendField(b, `,"issuer":`, p.Issuer)
	b = appendField(b, `,"subject":`, p.Subject)
	return closed(b)
}

func appendEvent(b []byte, e *Event) []byte {
	if *e == (Event{}) {
		return b
	}
	b = begun(b, `,"event":{`)
	b = appendField(b, `,"id":`, e.ID)
	b = appendField(b, `,"source":`, e.Source)
	b = appendField(b, `,"type":`, e.Type)
	if e.Digest != [32]byte{} {
		b = begun(b, `,"digest":"`)
		b = hex.AppendEncode(b, e.Digest[:])
		b = append(b, '"')
	}
	b = appendNumber(b, `,"bytes":`, uint64(max(e.Bytes, 0)))
	return closed(b)
}

// begun appends what begins a member, without its comma where it is the first.
func begun(b []byte, name string) []byte {
	if b[len(b)-1] == '{' {
		name = name[1:]
	}
	return append(b, name...)
}

func closed(b []byte) []byte { return append(b, '}') }

func appendField(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendText(begun(b, name), text, maxText)
}

func appendNumber(b []byte, name string, v uint64) []byte {
	if v == 0 {
		return b
	}
	return strconv.AppendUint(begun(b, name), v, 10)
}

// names are the first names of a map, sorted.
func names(m map[string]string) []string {
	sorted := slices.Sorted(maps.Keys(m))
	return sorted[:min(len(sorted), maxItems)]
}
