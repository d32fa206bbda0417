package core_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// reloading is a router whose file a test writes anew.
type reloading struct {
	*testing.T
	*core.Core
	dir    string
	signer *webhook.Signer
	log    *safeBuffer

	mu   sync.Mutex
	text string
	late func()            // called when a reload has read everything; nil for nothing
	got  map[string]string // what consumers got, by id: the channel
	data map[string]string // of the events
	n    int
}

// safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// reloadConfig has one door, two channels and a route to each.
const reloadConfig = `
[admin]
http = "127.0.0.1:0"
[data]
dir = "data"
[[ingress]]
name = "edge"
listen = "http://127.0.0.1:0"
[replies]
listen = "tcp://127.0.0.1:0"
[[auth]]
name = "keys"
kind = "hmac"
keys = "dir:keys"
[[channels]]
name = "a"
class = "command"
listen = "tcp://127.0.0.1:0"
[[channels]]
name = "watch"
class = "telemetry"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "ra"
type = ["a.**"]
channels = ["a"]
[[routes]]
name = "rw"
type = ["w.**"]
channels = ["watch"]
`

func newReloading(t *testing.T) *reloading {
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &reloading{T: t, dir: dir, log: new(safeBuffer), text: reloadConfig, got: make(map[string]string), data: make(map[string]string)}
	secret := webhook.NewSecret()
	key := config.Key{ID: "k1", Principal: "edge", Sources: []string{"**"}, Types: []string{"**"}}
	var signing error
	r.signer, signing = webhook.NewHMACSigner(secret)
	if err := errors.Join(signing, config.WriteKey(filepath.Join(dir, "keys"), key, webhook.FormatSecret(secret))); err != nil {
		t.Fatal(err)
	}
	cfg, err := r.load()
	if err != nil {
		t.Fatal(err)
	}
	if r.Core, err = core.New(t.Context(), cfg, core.Options{Log: zerolog.New(r.log), Load: r.load, Files: []string{filepath.Join(dir, "headgate.toml")}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Core.Run(ctx) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return r
}

func (r *reloading) load() (*config.Config, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cfg, err := config.Parse([]byte(r.text), "headgate.toml", r.dir, config.Options{Env: []string{}})
	if late := r.late; late != nil {
		r.late = nil
		r.mu.Unlock()
		late()
		r.mu.Lock()
	}
	return cfg, err
}

// write replaces parts of the file.
func (r *reloading) write(pairs ...string) {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(r.text, pairs[i]) {
			r.Fatalf("the file has no %q", pairs[i])
		}
		r.text = strings.Replace(r.text, pairs[i], pairs[i+1], 1)
	}
}

// reload wants it to succeed, and gives what changed, a line for each.
func (r *reloading) reload(o admin.Reload) string {
	r.Helper()
	o.Wait = true
	done, err := r.Reload(r.Context(), o)
	if err != nil {
		r.Fatal(err)
	}
	var keys []string
	for _, c := range done.Changes {
		keys = append(keys, c.Key)
	}
	return strings.Join(keys, " ")
}

// refused wants it to fail with a text, and nothing to change.
func (r *reloading) refused(o admin.Reload, text string) {
	r.Helper()
	before := r.top()
	if _, err := r.Reload(r.Context(), o); err == nil || !strings.Contains(err.Error(), text) {
		r.Errorf("the error is %v, want one with %q", err, text)
	}
	after := r.top()
	for i := range before.Doors {
		if before.Doors[i].Address != after.Doors[i].Address {
			r.Errorf("door %d is at %s, was at %s", i, after.Doors[i].Address, before.Doors[i].Address)
		}
	}
	for i, ch := range before.Commands {
		if now := after.Commands[i]; ch.Address != now.Address || !slices.Equal(conns(&ch), conns(&now)) || ch.Paused != now.Paused {
			r.Errorf("channel %s is at %s with connections %v, was at %s with %v", ch.Name, now.Address, conns(&now), ch.Address, conns(&ch))
		}
	}
	if len(before.Commands) != len(after.Commands) || len(before.Doors) != len(after.Doors) || len(before.Telemetry) != len(after.Telemetry) {
		r.Errorf("got %+v, had %+v", after, before)
	}
}

// conns are the connections of a channel.
func conns(ch *admin.Command) (ids []uint64) {
	for _, c := range ch.Socket.Connections {
		ids = append(ids, c.ID)
	}
	return ids
}

func (r *reloading) top() admin.Top {
	r.Helper()
	top, err := r.Top(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	return top
}

// channel is a command channel as it is now.
func (r *reloading) channel(name string) *admin.Command {
	for _, c := range r.top().Commands {
		if c.Name == name {
			return &c
		}
	}
	return nil
}

// send sends an event by the first door and gives the status.
func (r *reloading) send(kind string) (id string, status int) {
	r.Helper()
	r.mu.Lock()
	r.n++
	id = fmt.Sprintf("e%d", r.n)
	r.mu.Unlock()
	now := time.Now()
	body := fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"//shop","type":%q,"data":{}}`, id, kind)
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.top().Doors[0].Address+"/v1/events", bytes.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	for name, value := range map[string]string{"Content-Type": "application/cloudevents+json", webhook.HeaderKeyID: "k1", webhook.HeaderID: id,
		webhook.HeaderTimestamp: webhook.Timestamp(now), webhook.HeaderSignature: r.signer.Sign(id, now, body)} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Error(err)
		return id, 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return id, resp.StatusCode
}

// wantStatus sends an event and wants that status.
func (r *reloading) wantStatus(kind string, want int) string {
	r.Helper()
	id, got := r.send(kind)
	if got != want {
		r.Errorf("%s: %d, want %d", kind, got, want)
	}
	return id
}

// consume does all that comes on a channel until the test ends.
func (r *reloading) consume(channel string) (stop func()) {
	r.Helper()
	var keys delivery.Keys
	if err := json.Unmarshal(r.top().Keys, &keys); err != nil {
		r.Fatal(err)
	}
	c, err := consumer.New(consumer.Options{Connect: []string{r.channel(channel).Address}, Channel: channel, Keys: consumer.Pinned(keys), Remember: 1})
	if err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- c.Run(ctx, func(_ context.Context, d *delivery.Delivery) (any, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.got[d.Event.ID], r.data[d.Event.ID] = channel, string(d.Event.Data)
			return nil, nil
		})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.Errorf("consumer: %v", err)
		}
	})
	r.Cleanup(stop)
	return stop
}

// await waits until an event has come by a channel.
func (r *reloading) await(id, channel string) {
	r.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		r.mu.Lock()
		got := r.got[id]
		r.mu.Unlock()
		switch {
		case got == channel:
			return
		case got != "" || time.Now().After(end):
			r.Fatalf("event %s came by %q, want %q", id, got, channel)
		}
	}
}

func TestReloadOfNothing(t *testing.T) {
	r := newReloading(t)
	if got := r.reload(admin.Reload{}); got != "" {
		t.Errorf("changed: %s", got)
	}
	r.wantStatus("a.x", 202)
}

// TestReloadOfRules: routes count from then on, and connections go on.
func TestReloadOfRules(t *testing.T) {
	r := newReloading(t)
	r.consume("a")
	r.await(r.wantStatus("a.x", 202), "a")
	r.wantStatus("b.x", 422)
	conn := r.channel("a").Socket.Connections[0].ID
	r.write(`type = ["a.**"]`, `type = ["b.**"]`)
	if got := r.reload(admin.Reload{}); got != "routes.ra.type" {
		t.Errorf("changed: %s", got)
	}
	r.wantStatus("a.x", 422)
	r.await(r.wantStatus("b.x", 202), "a")
	if now := r.channel("a").Socket.Connections; len(now) != 1 || now[0].ID != conn {
		t.Errorf("the consumer's connection was %d, there is %+v", conn, now)
	}
}

// TestBadFileChangesNothing: whatever is wrong with it, and whenever that shows.
func TestBadFileChangesNothing(t *testing.T) {
	for name, tt := range map[string]struct{ old, new, want string }{
		"no TOML":          {`[data]`, `[data`, "headgate.toml:"},
		"an unknown key":   {`name = "a"`, "name = \"a\"\nprefech = 2", "prefetch"},
		"a bad condition":  {`type = ["a.**"]`, "type = [\"a.**\"]\nwhen = \"event.\"", "routes[0].when"},
		"an address taken": {"[[routes]]", "[[channels]]\nname = \"c\"\nclass = \"command\"\nlisten = \"TAKEN\"\n[[routes]]\nname = \"rc\"\ntype = [\"c.**\"]\nchannels = [\"c\"]\n[[routes]]", "address already in use"},
		"a door taken":     {"[replies]", "[[ingress]]\nname = \"second\"\nlisten = \"HTTP\"\n[replies]", "address already in use"},
		"no plugin":        {`channels = ["a"]`, "channels = [\"a\"]\ntransforms = [\"t\"]\n[[transforms]]\nname = \"t\"\nplugin = \"x\"\npath = \"gone\"\nsha256 = \"" + strings.Repeat("0", 64) + `"`, "gone"},
		"another data dir": {`dir = "data"`, `dir = "elsewhere"`, "takes a restart"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReloading(t)
			taken := strings.NewReplacer("TAKEN", r.top().Replies.Address, "HTTP", r.top().Doors[0].Address).Replace(tt.new)
			r.write(tt.old, taken, `type = ["w.**"]`, `type = ["never.**"]`)
			r.refused(admin.Reload{}, tt.want)
			r.wantStatus("w.x", 202)
			r.wantStatus("never.x", 422)
			r.consume("a")
			r.await(r.wantStatus("a.x", 202), "a")
			if !strings.Contains(r.log.String(), "all stays as it is") {
				t.Errorf("the log is %s", r.log)
			}
		})
	}
}

// TestChannelsComeAndGo: a new one is there at once, one that is empty goes, one
// with events does not, unless somebody says so.
func TestChannelsComeAndGo(t *testing.T) {
	r := newReloading(t)
	const more = "[[channels]]\nname = \"b\"\nclass = \"command\"\nlisten = \"tcp://127.0.0.1:0\"\n[[routes]]\nname = \"rb\"\ntype = [\"b.**\"]\nchannels = [\"b\"]\n"
	r.write("[[routes]]", more+"[[routes]]")
	if got := r.reload(admin.Reload{}); got != "channels.b routes.rb" {
		t.Errorf("changed: %s", got)
	}
	stop := r.consume("b")
	r.await(r.wantStatus("b.x", 202), "b")
	stop()
	waiting := r.wantStatus("b.x", 202)
	r.write(more, "")
	r.refused(admin.Reload{}, "channel b is gone, and holds events (pending: 1, dead letters: 0)")
	r.refused(admin.Reload{Orphans: "eat"}, `not "eat"`)
	if got := r.reload(admin.Reload{Orphans: "hold"}); got != "channels.b routes.rb" {
		t.Errorf("changed: %s", got)
	}
	r.wantStatus("b.x", 422)
	if r.channel("b") != nil {
		t.Error("it is there still")
	}
	if !strings.Contains(r.log.String(), "this channel holds events and is not configured") {
		t.Errorf("nobody says that events wait: %s", r.log)
	}
	r.write("[[routes]]", more+"[[routes]]")
	r.reload(admin.Reload{})
	stop = r.consume("b")
	r.await(waiting, "b")
	stop()
	for end := time.Now().Add(10 * time.Second); r.channel("b").Pending > 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	r.write(more, "")
	r.reload(admin.Reload{})
}

// free is a port of loopback that nobody has.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

const listenA = "name = \"a\"\nclass = \"command\"\nlisten = \"tcp://127.0.0.1:0\""

// TestAChannelTakesAnothersAddress: a channel that gets another name is another
// one, and takes the address over in one step.
func TestAChannelTakesAnothersAddress(t *testing.T) {
	r := newReloading(t)
	address := "tcp://" + free(t)
	named := func(name string) string {
		return fmt.Sprintf("name = %q\nclass = \"command\"\nlisten = %q", name, address)
	}
	r.write(listenA, named("a"))
	r.reload(admin.Reload{})
	if got := r.channel("a").Address; got != address {
		t.Fatalf("it is at %s, want %s", got, address)
	}
	r.write(named("a"), named("z"), `channels = ["a"]`, `channels = ["z"]`)
	if got := r.reload(admin.Reload{}); got != "channels.z channels.a routes.ra.channels" {
		t.Errorf("changed: %s", got)
	}
	r.consume("z")
	r.await(r.wantStatus("a.x", 202), "z")
}

// second is another channel, at an address.
func second(name, listen string) string {
	return fmt.Sprintf("[[channels]]\nname = %q\nclass = \"command\"\nlisten = %q\n[[routes]]\nname = \"r%s\"\ntype = [\"%s.**\"]\nchannels = [%q]\n", name, listen, name, name, name)
}

// TestAddressesAreSwapped: consumers find another channel where theirs was, and so
// does who sends.
func TestAddressesAreSwapped(t *testing.T) {
	r := newReloading(t)
	a, b, door := "tcp://"+free(t), "ipc://"+r.dir+"/b.sock", "tcp://"+free(t)
	r.write("tcp://127.0.0.1:0\"\n[[channels]]", a+"\"\n[[channels]]", "[[routes]]", second("b", b)+"[[routes]]",
		"[replies]", "[[ingress]]\nname = \"direct\"\nlisten = \""+door+"\"\n[replies]")
	r.reload(admin.Reload{})
	stop := r.consume("a")
	r.await(r.wantStatus("a.x", 202), "a")
	stop()
	r.write(a, "A", b, "B", door, "DOOR")
	r.write("A", b, "B", door, "DOOR", a)
	if got := r.reload(admin.Reload{}); got != "ingress.direct.listen channels.a.listen channels.b.listen" {
		t.Errorf("changed: %s", got)
	}
	if r.channel("a").Address != b || r.channel("b").Address != door || r.top().Doors[1].Address != a {
		t.Errorf("they are at %s, %s, %s", r.channel("a").Address, r.channel("b").Address, r.top().Doors[1].Address)
	}
	r.consume("a")
	r.consume("b")
	r.await(r.wantStatus("a.x", 202), "a")
	r.await(r.wantStatus("b.x", 202), "b")
}

// TestADoorTakesAnothersAddress, as a channel does.
func TestADoorTakesAnothersAddress(t *testing.T) {
	r := newReloading(t)
	address := "tcp://" + free(t)
	r.write("[replies]", "[[ingress]]\nname = \"direct\"\nlisten = \""+address+"\"\n[replies]")
	r.reload(admin.Reload{})
	r.write(`"direct"`, `"other"`)
	if got := r.reload(admin.Reload{}); got != "ingress.other ingress.direct" || r.top().Doors[1].Address != address {
		t.Errorf("changed: %s, it is at %s", got, r.top().Doors[1].Address)
	}
}

// TestRefusedAddressesCutNobody: neither where the router itself is in the way, nor
// where somebody else is, when other addresses could have moved.
func TestRefusedAddressesCutNobody(t *testing.T) {
	r := newReloading(t)
	port, other := free(t), "tcp://"+free(t)
	r.write("tcp://127.0.0.1:0\"\n[[channels]]", "tcp://"+port+"\"\n[[channels]]", "[[routes]]", second("b", other)+second("c", "ipc://"+r.dir+"/c.sock")+"[[routes]]",
		"[data]", "[limits]\nlinger = \"0s\"\n[data]") // who is cut is gone at once
	r.reload(admin.Reload{})
	for _, name := range []string{"a", "b", "c"} {
		r.consume(name)
		r.await(r.wantStatus(name+".x", 202), name)
	}
	before := r.text
	writeCertificate(t, r.dir)
	r.write("[replies]", "[[ingress]]\nname = \"wide\"\nlisten = \"https://0.0.0.0"+port[strings.Index(port, ":"):]+"\"\ntls = { cert = \"cert.pem\", key = \"key.pem\" }\n[replies]",
		"tcp://"+port, "tcp://127.0.0.1:0")
	r.refused(admin.Reload{}, "do it in two reloads: first have channels.a listen at another port")

	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	r.text = before
	r.write(other, "tcp://"+free(t), "ipc://"+r.dir+"/c.sock", "tcp://"+busy.Addr().String())
	r.refused(admin.Reload{}, "address already in use")
	r.await(r.wantStatus("b.x", 202), "b")
}

// TestAChannelComesBackAtOnce: nobody has to wait until the one that was taken out
// has given up on consumers that do not come.
func TestAChannelComesBackAtOnce(t *testing.T) {
	r := newReloading(t)
	more := second("b", "tcp://"+free(t))
	r.write("[[routes]]", more+"[[routes]]", "[data]", "[limits]\ndrain = \"1h\"\n[data]")
	r.reload(admin.Reload{})
	waiting := r.wantStatus("b.x", 202)
	for range 3 {
		r.write(more, "")
		if _, err := r.Reload(t.Context(), admin.Reload{Orphans: "hold"}); err != nil {
			t.Fatal(err)
		}
		r.write("[[routes]]", more+"[[routes]]")
		if _, err := r.Reload(t.Context(), admin.Reload{}); err != nil {
			t.Fatal(err)
		}
	}
	r.consume("b")
	r.await(waiting, "b")
	r.await(r.wantStatus("b.x", 202), "b")
}

// TestAddressesMove: who listens elsewhere is there, and no more where it was. That of
// replies counts from the next start on.
func TestAddressesMove(t *testing.T) {
	r := newReloading(t)
	door, channel, replies := r.top().Doors[0].Address, r.channel("a").Address, r.top().Replies.Address
	r.write(listenA, strings.Replace(listenA, "tcp://127.0.0.1:0", "ipc://"+r.dir+"/a.sock", 1),
		`listen = "http://127.0.0.1:0"`, `listen = "http://`+free(t)+`"`,
		"[replies]\nlisten = \"tcp://127.0.0.1:0\"", "[replies]\nlisten = \"tcp://"+free(t)+`"`)
	if got := r.reload(admin.Reload{}); got != "ingress.edge.listen replies.listen channels.a.listen" {
		t.Errorf("changed: %s", got)
	}
	r.consume("a")
	r.await(r.wantStatus("a.x", 202), "a")
	if now := r.top().Replies.Address; now != replies {
		t.Errorf("replies go to %s, and deliveries that are out name %s", now, replies)
	}
	for _, old := range []string{door, channel} {
		at, err := url.Parse(old)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := net.Dial("tcp", at.Host); err == nil {
			_ = c.Close()
			t.Errorf("somebody is still at %s", old)
		}
	}
}

// TestALimitOfDoorsCounts: the door is another one, at its address, and refuses
// nobody meanwhile.
func TestALimitOfDoorsCounts(t *testing.T) {
	r := newReloading(t)
	address := free(t)
	r.write(`listen = "http://127.0.0.1:0"`, `listen = "http://`+address+`"`)
	r.reload(admin.Reload{})
	http.DefaultClient.CloseIdleConnections()
	r.write("[data]", "[limits]\nheader_bytes = \"1KiB\"\n[data]")
	if got := r.reload(admin.Reload{}); got != "limits.header_bytes" {
		t.Errorf("changed: %s", got)
	}
	if got := r.top().Doors[0].Address; got != "http://"+address {
		t.Fatalf("the door is at %s", got)
	}
	req, err := http.NewRequest(http.MethodGet, "http://"+address+"/.well-known/jwks.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", 8<<10)) // net/http adds 4 KiB to what it is told
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s", resp.Status)
	}
	r.wantStatus("a.x", 202)
}

// TestDoorsDoNotShareASocket: one that is new at any free port gets one of its own.
func TestDoorsDoNotShareASocket(t *testing.T) {
	r := newReloading(t)
	r.write("[replies]", "[[ingress]]\nname = \"second\"\nlisten = \"http://127.0.0.1:0\"\n[replies]")
	r.reload(admin.Reload{})
	if doors := r.top().Doors; len(doors) != 2 || doors[0].Address == doors[1].Address {
		t.Errorf("doors are %+v", doors)
	}
}

// TestChannelSettingsCount without a new socket.
func TestChannelSettingsCount(t *testing.T) {
	r := newReloading(t)
	stop := r.consume("a")
	r.await(r.wantStatus("a.x", 202), "a")
	conn := r.channel("a").Socket.Connections[0].ID
	r.write(listenA, listenA+"\nmax_pending = \"64KiB\"\nprefetch = 2", `name = "edge"`, "name = \"edge\"\nmax_body = \"128KiB\"")
	if got := r.reload(admin.Reload{}); got != "ingress.edge.max_body channels.a.prefetch channels.a.max_pending" {
		t.Errorf("changed: %s", got)
	}
	if now := r.channel("a").Socket.Connections; len(now) != 1 || now[0].ID != conn {
		t.Errorf("connections are %+v", now)
	}
	stop()
	for range 2000 {
		if _, status := r.send("a.x"); status != 202 {
			if status != 503 {
				t.Errorf("got %d", status)
			}
			return
		}
	}
	t.Error("the smaller max_pending does not count")
}

// TestKeysOfAReload: what a key may do comes with its routes, in one step.
func TestKeysOfAReload(t *testing.T) {
	r := newReloading(t)
	r.write("kind = \"hmac\"\nkeys = \"dir:keys\"", "kind = \"hmac\"\nkeys = \"dir:others\"")
	secret := webhook.NewSecret()
	key := config.Key{ID: "k2", Principal: "other", Sources: []string{"**"}, Types: []string{"**"}}
	if err := config.WriteKey(filepath.Join(r.dir, "others"), key, webhook.FormatSecret(secret)); err != nil {
		t.Fatal(err)
	}
	if got := r.reload(admin.Reload{}); !strings.Contains(got, "auth.keys.keys") {
		t.Errorf("changed: %s", got)
	}
	r.wantStatus("a.x", 401)
	for _, said := range []string{`"key":"k2"`, "key added", "key gone"} {
		if !strings.Contains(r.log.String(), said) {
			t.Errorf("the log does not have %s: %s", said, r.log)
		}
	}
}

// TestKeysThatWereReadSinceStay: a reload that takes long has an older reading of the
// keys than the router, and does not bring it back.
func TestKeysThatWereReadSinceStay(t *testing.T) {
	r := newReloading(t)
	file := filepath.Join(r.dir, "keys", "k1.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	state := func(want int) func() {
		return func() {
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				if _, status := r.send("a.x"); status == want {
					return
				}
				if time.Now().After(end) {
					t.Errorf("in vain: %d", want)
					return
				}
			}
		}
	}
	pending := append([]byte("state = 'pending'\n"), text...)
	r.late = func() {
		if err := os.WriteFile(file, pending, 0o600); err != nil {
			t.Error(err)
		}
		state(401)()
	}
	if got := r.reload(admin.Reload{}); got != "" { // it is told when the file is read
		t.Errorf("changed: %s", got)
	}
	for range 20 {
		if _, status := r.send("a.x"); status != 401 {
			t.Fatalf("a key that was taken away counts again: %d", status)
		}
	}
	r.late = func() {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Error(err)
		}
		state(202)()
	}
	r.reload(admin.Reload{})
	for range 20 {
		r.wantStatus("a.x", 202)
	}
}

// TestReloadsUnderLoad: every acceptance sees one generation. The routes of a kind
// and the channel that it goes to change together, so that a mixture would show as
// a refusal, or by an event on the wrong channel.
func TestReloadsUnderLoad(t *testing.T) {
	r := newReloading(t)
	r.write("[[routes]]", "[[channels]]\nname = \"b\"\nclass = \"command\"\nlisten = \"tcp://127.0.0.1:0\"\n[[routes]]\nname = \"rb\"\ntype = [\"b.**\"]\nchannels = [\"a\", \"b\"]\n[[routes]]")
	r.reload(admin.Reload{})
	r.consume("a")
	r.consume("b")
	stop := make(chan struct{})
	var sending sync.WaitGroup
	var sent sync.Map
	for range 4 {
		sending.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				id, status := r.send("a.x")
				if status != 202 {
					r.Errorf("event %s: %d", id, status)
					return
				}
				sent.Store(id, true)
			}
		})
	}
	for n := range 30 {
		to, from := "a", "b"
		if n%2 == 0 {
			to, from = "b", "a"
		}
		r.write("type = [\"a.**\"]\nchannels = [\""+from+"\"]", "type = [\"a.**\"]\nchannels = [\""+to+"\"]")
		if n%5 == 4 {
			r.write(`name = "rb"`, `nam = "rb"`)
			r.refused(admin.Reload{}, "unknown key")
			r.write(`nam = "rb"`, `name = "rb"`)
		}
		r.reload(admin.Reload{})
		id, status := r.send("a.x")
		if status != 202 {
			r.Errorf("after reload %d: %d", n, status)
		}
		r.await(id, to)
	}
	close(stop)
	sending.Wait()
	sent.Range(func(id, _ any) bool {
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			r.mu.Lock()
			got := r.got[id.(string)]
			r.mu.Unlock()
			if got != "" {
				return true
			}
			if time.Now().After(end) {
				t.Errorf("LOST: %s", id)
				return false
			}
		}
	})
}

// TestReloadBeforeAndAfterRun: there is nothing that could change.
func TestReloadBeforeAndAfterRun(t *testing.T) {
	cfg := quickstart(t)
	c, err := core.New(t.Context(), cfg, core.Options{Log: zerolog.Nop(), Load: func() (*config.Config, error) { return cfg, nil }})
	if err != nil {
		t.Fatal(err)
	}
	soon, giveUp := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer giveUp()
	if _, err := c.Reload(soon, admin.Reload{}); err == nil {
		t.Error("it reloads before it runs")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Run(ctx); err != nil {
		t.Error(err)
	}
	if _, err := c.Reload(t.Context(), admin.Reload{}); err == nil {
		t.Error("it reloads after it has ended")
	}
}

// TestFilesOfCertificatesAreFollowed: a certificate that is renewed counts for who
// connects then, without a word from anybody, and a broken one changes nothing.
func TestFilesOfCertificatesAreFollowed(t *testing.T) {
	r := newReloading(t)
	pools := []*x509.CertPool{writeCertificate(t, r.dir), nil}
	r.write(`listen = "http://127.0.0.1:0"`, `listen = "https://127.0.0.1:0"`+"\ntls = { cert = \"cert.pem\", key = \"key.pem\" }")
	r.reload(admin.Reload{})
	ask := func(pool *x509.CertPool) error {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		resp, err := client.Get(r.top().Doors[0].Address + "/.well-known/jwks.json")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	await := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("in vain: %s: %s", what, r.log)
			}
		}
	}
	if err := ask(pools[0]); err != nil {
		t.Fatal(err)
	}
	pools[1] = writeCertificate(t, r.dir)
	await("the new certificate", func() bool { return ask(pools[1]) == nil })
	if err := os.WriteFile(filepath.Join(r.dir, "cert.pem"), []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	await("a word about the broken one", func() bool { return strings.Contains(r.log.String(), "are not taken: all stays as it is") })
	if err := ask(pools[1]); err != nil {
		t.Error(err)
	}
}

// TestFilesAreWatched where [reload] wants it.
func TestFilesAreWatched(t *testing.T) {
	r := newReloading(t)
	if err := os.WriteFile(filepath.Join(r.dir, "headgate.toml"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.write("[data]", "[reload]\nwatch = true\n[data]")
	r.reload(admin.Reload{})
	r.write(`type = ["a.**"]`, `type = ["b.**"]`)
	if err := os.WriteFile(filepath.Join(r.dir, "headgate.toml"), []byte("22"), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, status := r.send("b.x"); status == 202 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it is not read again: %s", r.log)
		}
	}
}

// writeCertificate writes one for 127.0.0.1 that signs itself, and gives who trusts it.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}
