// Package config turns TOML into a [Config].
//
// Use [Load] for files and [Default] for the values without any. Loading is
// strict: every unknown key, wrong type, broken rule and repeated name is an
// error with file, line and column, and all of them come at once as
// [Problems]. No package below core imports this one: components receive
// their own values.
package config

import (
	"crypto"
	"crypto/sha256"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
)

// Config is the whole of headgate's TOML. Its field order is the order of
// configs/headgate.toml; `doc` is the comment there and in the JSON Schema.
type Config struct {
	Data       Data        `toml:"data" doc:"where headgate keeps what it must not forget"`
	Ingress    []Ingress   `toml:"ingress" doc:"doors: where events come in"`
	Replies    Replies     `toml:"replies" doc:"where consumers report back (a PULL socket)"`
	Admin      Admin       `toml:"admin" doc:"how operators reach a running router"`
	Auth       []Auth      `toml:"auth" doc:"who may send: providers of keys, and plugins that say whose tokens count"`
	Grants     []Grant     `toml:"grants" doc:"what the principals of tokens may send; no grant, no right"`
	EventKeys  []EventKey  `toml:"event_keys" doc:"who signs the events of a source, end to end"`
	Transforms []Transform `toml:"transforms" doc:"plugins that change events on their way out"`
	Channels   []Channel   `toml:"channels" doc:"ways out, to consumers"`
	Peers      []Peer      `toml:"peers" doc:"CURVE clients: who may connect to sockets with curve; none are admitted that are not here"`
	Routes     []Route     `toml:"routes" doc:"rules: which events go to which channels"`
	Signing    Signing     `toml:"signing" doc:"the router's own delivery key"`
	Journal    Journal     `toml:"journal" doc:"the store of accepted commands"`
	Audit      Audit       `toml:"audit" doc:"the tamper-evident log of what was decided"`
	Limits     Limits      `toml:"limits" doc:"every bound of the process"`
	Log        Log         `toml:"log" doc:"the router's own log, on standard error"`
	Trace      Trace       `toml:"trace" doc:"the way of events as traces, to an OpenTelemetry collector"`
	Reload     Reload      `toml:"reload" doc:"when a running router reads its files again"`

	// Dir is the directory that relative paths start from: that of the first file.
	Dir string `toml:"-"`

	spots *spot           // where each key stands; nil for Default
	env   func() []string // what env:NAME refers to, out of the sight of fmt; nil for Default
}

// Data is [data].
type Data struct {
	Dir string `toml:"dir" default:"headgate-data" doc:"directory, mode 0700: journal, router keys and admin.sock"`
}

// Ingress is one [[ingress]], of HTTP or of ZeroMQ: the scheme of Listen says
// which.
type Ingress struct {
	Name           string   `toml:"name" required:"true"`
	Listen         string   `toml:"listen" required:"true" doc:"http://HOST:PORT, https://HOST:PORT, or for ZeroMQ tcp://HOST:PORT or ipc://PATH"`
	TLS            *TLS     `toml:"tls" doc:"https:// and tcp://: its certificate"`
	Behind         []Prefix `toml:"behind" doc:"HTTP: CIDRs of the proxies that end TLS; other peers are cut" class:"http"`
	AllowPlainHTTP bool     `toml:"allow_plain_http" default:"false" doc:"HTTP: serve plain HTTP off loopback; listed by check" class:"http"`
	Curve          *Curve   `toml:"curve" doc:"ZeroMQ: its CURVE keys; [[peers]] are its clients" class:"zmq"`
	IPCMode        string   `toml:"ipc_mode" default:"0600" enum:"0600,0660" doc:"ipc://: mode of the socket's file; 0660 lets its group in" class:"zmq"`
	AllowPlainZMQ  bool     `toml:"allow_plain_zmq" default:"false" doc:"ZeroMQ: plain ZeroMQ off loopback; listed by check" class:"zmq"`
	MaxBody        Size     `toml:"max_body" default:"1MiB" doc:"largest request body" min:"1KiB" max:"64MiB"`
	DefaultKeyIDs  []string `toml:"default_key_ids" doc:"keys tried when a request names none, at most 4"`
	Rate           Rate     `toml:"rate" doc:"limit of each principal here, beside that of routes"`
}

// TLS is one end of TLS. Who listens has a certificate, and the CA of its
// clients for mTLS; who connects has the CA of the servers, and a certificate
// for mTLS.
type TLS struct {
	Cert     string `toml:"cert" doc:"PEM file, the chain; required for listen"`
	Key      string `toml:"key" doc:"PEM file; required for listen"`
	ClientCA string `toml:"client_ca" doc:"listen: PEM file; when set, a client certificate is required"`
	CA       string `toml:"ca" doc:"connect: PEM file of who proves the servers; empty for the system's"`
}

// Curve is one end of CURVE, the security of ZeroMQ (RFC 26).
type Curve struct {
	Secret string       `toml:"secret" required:"true" doc:"file:PATH or env:NAME of 1 to 4 secret keys in Z85, one a line, newest first"`
	Server curve.Public `toml:"server_key" doc:"connect: the consumers' public key in Z85"`

	// Secrets are the keys that stand in Secret, newest first. A listening
	// socket answers to each, a connecting one uses the first.
	Secrets []*curve.Secret `toml:"-"`
}

// Replies is [replies].
type Replies struct {
	Listen        string `toml:"listen" default:"tcp://127.0.0.1:5557" doc:"tcp://HOST:PORT or ipc://PATH"`
	Advertise     string `toml:"advertise" default:"" doc:"address consumers are told; empty for listen"`
	Curve         *Curve `toml:"curve" doc:"its CURVE keys; [[peers]] with a command channel are its clients"`
	TLS           *TLS   `toml:"tls" doc:"tcp://: its certificate, and the CA of its clients"`
	IPCMode       string `toml:"ipc_mode" default:"0600" enum:"0600,0660" doc:"ipc://: mode of the socket's file; 0660 lets its group in"`
	AllowPlainZMQ bool   `toml:"allow_plain_zmq" default:"false" doc:"plain ZeroMQ off loopback; listed by check"`
}

// Admin is [admin]. The unix socket in the data directory needs no setting.
type Admin struct {
	HTTP    string        `toml:"http" default:"" doc:"HOST:PORT for health, metrics, and who has one of the tokens or certificates; empty for none"`
	TLS     *TLS          `toml:"tls" doc:"its certificate; client_ca proves the clients, and others need no certificate"`
	Hosts   []string      `toml:"hosts" doc:"names it may be asked by, beside localhost, that of http, and IP addresses"`
	Tokens  []AdminToken  `toml:"tokens" doc:"who may do more than look at health and metrics, by a secret"`
	Clients []AdminClient `toml:"clients" doc:"the same, by a certificate"`
}

// AdminToken is one [[admin.tokens]].
type AdminToken struct {
	Name   string `toml:"name" required:"true" doc:"who holds it, for the log"`
	Secret string `toml:"secret" required:"true" doc:"file:PATH or env:NAME of 32 to 1024 characters that nobody can guess: openssl rand -hex 32"`
	Role   string `toml:"role" required:"true" enum:"read,operate,payload" doc:"read: all but what events hold; operate: also acts; payload: also what events hold"`

	// Sum is the SHA-256 of the secret, which itself is not kept.
	Sum [sha256.Size]byte `toml:"-"`
}

// AdminClient is one [[admin.clients]].
type AdminClient struct {
	Name string `toml:"name" required:"true" doc:"DNS name, URI or email address of its certificate, or the common name of one without any"`
	Role string `toml:"role" required:"true" enum:"read,operate,payload" doc:"as that of a token"`
}

// Auth is one [[auth]]: of keys, which have a Kind, or of tokens, which have a
// Plugin. What tokens are checked with the plugin brings; whose they may be, and
// for whom, stands here and is the router's.
type Auth struct {
	Name   string `toml:"name" required:"true"`
	Kind   string `toml:"kind" default:"" doc:"of keys: hmac or ed25519; with plugin: which of its providers, empty for its only one"`
	KeyDir string `toml:"keys" doc:"dir:PATH, a directory of one small TOML per key" class:"keys"`
	Keys   []Key  `toml:"keys" class:"keys"` // [[auth.keys]], or what KeyDir holds

	Plugin    `class:"tokens"`
	Issuers   []string `toml:"issuers" doc:"tokens of these are taken, byte for byte; each belongs to one auth" class:"tokens"`
	Audiences []string `toml:"audiences" doc:"one of these has to be among a token's" class:"tokens"`
	Algs      []string `toml:"algs" doc:"of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA" class:"tokens"`
	UsableFor Duration `toml:"usable_for" default:"24h" doc:"longest that keys may serve while the issuer or the plugin is silent; then its tokens get 503" min:"1m" max:"30d" class:"tokens"`
	MaxToken  Duration `toml:"max_token_lifetime" default:"1h" doc:"tokens that live longer are refused" min:"1m" max:"24h" class:"tokens"`
}

// Grant is one [[grants]].
type Grant struct {
	Auth    string   `toml:"auth" required:"true" doc:"name of an [[auth]] of tokens"`
	Match   Match    `toml:"match" doc:"which of its principals; empty for all of them"`
	Sources []string `toml:"sources" required:"true" doc:"globs of the sources they may send for"`
	Types   []string `toml:"types" required:"true" doc:"globs of the types they may send"`
	Scopes  []string `toml:"scopes" doc:"scopes they have, as far as their token carries them where the issuer's tokens carry scopes"`
}

// Match says whom a grant is for: who fits every list that is not empty.
type Match struct {
	Issuer  []string `toml:"issuer" doc:"any of these issuers; required, or when, where the auth has several: a client or a subject of one is nobody to another"`
	Client  []string `toml:"client" doc:"any of these client ids"`
	Subject []string `toml:"subject" doc:"any of these subjects, as headgate shows them"`
	Groups  []string `toml:"groups" doc:"any of these groups"`
	When    string   `toml:"when" default:"" doc:"CEL over token, the verified claims"`
}

// EventKey is one [[event_keys]].
type EventKey struct {
	ID     string `toml:"id" required:"true" doc:"the keyid of its signatures"`
	Source string `toml:"source" required:"true" doc:"glob of the sources it signs for"`
	State  string `toml:"state" default:"active" enum:"pending,active,retiring,revoked" doc:"active and retiring count"`
	Public string `toml:"public" required:"true" doc:"file:PATH of its public key, P-256 or Ed25519: PEM, JWK or whpk_; or whpk_ itself"`

	Key crypto.PublicKey `toml:"-"` // *ecdsa.PublicKey or ed25519.PublicKey
}

// Key is one [[auth.keys]], or one file of a key directory.
type Key struct {
	ID        string   `toml:"id" required:"true" doc:"public name of the key, [A-Za-z0-9._-]{1,64}"`
	Principal string   `toml:"principal" required:"true" doc:"who holds it"`
	State     string   `toml:"state" default:"active" enum:"pending,active,retiring,revoked"`
	Secret    string   `toml:"secret" doc:"hmac: file:PATH or env:NAME of a whsec_ secret; in a key file also the secret itself"`
	Public    string   `toml:"public" doc:"ed25519: whpk_ and base64, or file:PATH of it"`
	Sources   []string `toml:"sources" doc:"globs of the sources it may send for; empty for none"`
	Types     []string `toml:"types" doc:"globs of the types it may send; empty for none"`
	Scopes    []string `toml:"scopes"`

	// Material is the resolved secret (hmac) or public key (ed25519).
	Material Secret `toml:"-"`
	File     string `toml:"-"` // where it stands, for errors
}

// Plugin is how a plugin is started and what it is told: keys that every table
// has which is served by one.
type Plugin struct {
	Name    string   `toml:"plugin" doc:"name of a shipped plugin, or of the one at path"`
	Path    string   `toml:"path" doc:"a plugin of one's own: its executable, or with command its one file"`
	SHA256  string   `toml:"sha256" doc:"required with path: SHA-256 of what stands there, 64 hexadecimal digits; nothing else is run"`
	Command []string `toml:"command" doc:"interpreter of path and its arguments, as in python3 -I; path is then one .py or .pyz"`

	// Config is any table of strings, booleans, int64, float64, arrays and
	// tables; secrets stand in it as references. See [Plugin.Resolve].
	Config map[string]any `toml:"config" doc:"the plugin's own; file:PATH and env:NAME stand for secrets, and only where the plugin wants one"`

	Env    map[string]string `toml:"env" doc:"variables of its process, nothing secret; it has none of the router's"`
	User   string            `toml:"user" default:"" doc:"the user to run it as, which makes it a boundary; the router needs the right to do so"`
	Limits PluginLimits      `toml:"limits" doc:"what its process may take; 0 for no limit"`

	of  *Config // nil where it was not loaded
	key string  // its table, as in transforms[0]
}

// PluginLimits bound the process of a plugin. Zero is no limit.
type PluginLimits struct {
	Memory    Size     `toml:"memory" default:"0B" doc:"heap, stacks and private mappings" min:"0B" max:"1TiB"`
	Files     int      `toml:"files" default:"0" doc:"open files" min:"0" max:"1048576"`
	Processes int      `toml:"processes" default:"0" doc:"processes and threads of its user, all taken together" min:"0" max:"1000000"`
	CPU       Duration `toml:"cpu" default:"0s" doc:"processor time in whole seconds, after which it is started anew" min:"0s" max:"365d"`
}

// Transform is one [[transforms]].
type Transform struct {
	Name string `toml:"name" required:"true"`
	Plugin
	Kind          string   `toml:"kind" default:"" doc:"which of the plugin's kinds; empty for its only one"`
	Timeout       Duration `toml:"timeout" default:"10s" doc:"one call, of many events, takes no longer" min:"10ms" max:"10m"`
	OnUnavailable string   `toml:"on_unavailable" default:"hold" enum:"hold,dead_letter" doc:"commands while the plugin is away: hold them back, or give them up at once, were it only restarting; telemetry is dropped"`
}

// Channel is one [[channels]].
type Channel struct {
	Name          string   `toml:"name" required:"true"`
	Class         string   `toml:"class" required:"true" enum:"command,telemetry"`
	Listen        string   `toml:"listen" doc:"tcp://HOST:PORT or ipc://PATH"`
	Connect       []string `toml:"connect" doc:"instead of listen: consumers' addresses"`
	Curve         *Curve   `toml:"curve" doc:"its CURVE keys; listen: [[peers]] are its clients"`
	TLS           *TLS     `toml:"tls" doc:"tcp://: its certificate, and who proves the others"`
	IPCMode       string   `toml:"ipc_mode" default:"0600" enum:"0600,0660" doc:"listen on ipc://: mode of the socket's file; 0660 lets its group in"`
	AllowPlainZMQ bool     `toml:"allow_plain_zmq" default:"false" doc:"plain ZeroMQ off loopback; listed by check"`

	Prefetch    int      `toml:"prefetch" default:"64" doc:"command: most unsettled deliveries per consumer" min:"1" max:"4096" class:"command"`
	AckTimeout  Duration `toml:"ack_timeout" default:"30s" doc:"command: silence for so long redelivers" min:"10ms" max:"1d" class:"command"`
	MaxHold     Duration `toml:"max_hold" default:"1h" doc:"command: longest a consumer may keep one delivery" min:"10ms" max:"30d" class:"command"`
	MaxAttempts int      `toml:"max_attempts" default:"10" doc:"command: failures until the dead letters" min:"1" max:"1000" class:"command"`
	Backoff     Backoff  `toml:"backoff" doc:"command: wait after a failure, with full jitter" class:"command"`
	OrderBy     string   `toml:"order_by" default:"" doc:"command: CEL giving an order key; one delivery per key in flight" class:"command"`
	OnDead      string   `toml:"on_dead" default:"continue" enum:"continue,park" doc:"command: what a dead letter does to its order key" class:"command"`
	MaxPending  Share    `toml:"max_pending" default:"25%" doc:"command: share of the store, or a size; beyond it 503 channel_full" class:"command"`
	MaxAge      Duration `toml:"max_age" default:"7d" doc:"command: older than that goes to the dead letters as expired" min:"1s" max:"365d" class:"command"`

	HighWaterMark int `toml:"high_water_mark" default:"10000" doc:"telemetry: deliveries queued per subscriber, newest dropped beyond" min:"1" max:"10000000" class:"telemetry"`

	KeepOriginal bool  `toml:"keep_original" default:"false" doc:"command: give consumers the event as accepted beside what transforms made of it; never with a transform that redacts" class:"command"`
	Require      Floor `toml:"require" doc:"floor that every route to this channel inherits"`
}

// Backoff bounds the wait between tries.
type Backoff struct {
	Min Duration `toml:"min" default:"1s" min:"1ms" max:"1d"`
	Max Duration `toml:"max" default:"5m" min:"1ms" max:"1d"`
}

// Require is what an event must show beyond matching.
type Require struct {
	Scopes         []string `toml:"scopes" doc:"all of them"`
	Auth           []string `toml:"auth" doc:"any of these providers"`
	EventSignature bool     `toml:"event_signature" default:"false" doc:"the event itself has to be signed (dssematerial)"`
}

// Floor is what a channel asks of every route to it.
type Floor struct {
	Require
	Transforms []string `toml:"transforms" doc:"run last, after those of the route, each of them once"`
}

// Peer is one [[peers]]: a public key of CURVE and where it may connect.
type Peer struct {
	Name     string       `toml:"name" required:"true"`
	Curve    curve.Public `toml:"curve" required:"true" doc:"its public key in Z85, under one name only"`
	State    string       `toml:"state" default:"active" enum:"pending,active,retiring,revoked" doc:"active and retiring are admitted"`
	Channels []string     `toml:"channels" doc:"channels it may consume; with a command channel it may reply, too"`
	Ingress  []string     `toml:"ingress" doc:"ZeroMQ ingresses it may send to"`
	Topics   []string     `toml:"topics" doc:"telemetry: beginnings of the types it may subscribe to; empty for none, [\"\"] for any"`
}

// Route is one [[routes]].
type Route struct {
	Name       string   `toml:"name" required:"true"`
	Type       []string `toml:"type" required:"true" doc:"globs: * one segment between dots, ** any rest"`
	Source     []string `toml:"source" doc:"globs: * one segment between slashes, ** any rest; empty for any"`
	When       string   `toml:"when" default:"" doc:"CEL over event; selects, never grants"`
	Auth       []string `toml:"auth" doc:"providers that may send on it; empty for any"`
	Require    Require  `toml:"require"`
	Schema     string   `toml:"schema" default:"" doc:"file of a JSON Schema that data must meet"`
	Channels   []string `toml:"channels" required:"true"`
	Rate       Rate     `toml:"rate"`
	Transforms []string `toml:"transforms" doc:"what changes its events on their way out, in order"`

	SchemaJSON []byte `toml:"-"` // what stands in Schema
}

// Rate limits each principal on a route, or at an ingress.
type Rate struct {
	PerPrincipal PerSecond `toml:"per_principal" default:"0/s" doc:"events per second, as in 1000/s; 0/s for no limit" min:"0/s" max:"1000000000/s"`
	Burst        int       `toml:"burst" default:"0" doc:"0 for one second's worth" min:"0" max:"1000000000"`
}

// Signing is [signing].
type Signing struct {
	Key string `toml:"key" default:"" doc:"file:PATH of the delivery key (PKCS #8 PEM); empty for one made in a new data directory"`
}

// Journal is [journal]. Use [Journal.IDs] and [Journal.Bytes] for its bounds.
type Journal struct {
	Engine     string   `toml:"engine" default:"embedded" enum:"embedded,memory" doc:"embedded: every accepted command is on disk, synced; memory: nothing is durable, answers say queued"`
	Remember   Duration `toml:"remember" default:"24h" doc:"how long a (source, id) is accepted only once" min:"10m" max:"365d"`
	MaxIDs     int      `toml:"max_ids" default:"0" doc:"identities remembered; beyond it 503, never early forgetting; 0 for 50_000_000, in memory 1_000_000" min:"0" max:"1000000000"`
	Capacity   Size     `toml:"capacity" default:"0B" doc:"bytes of events held; 0B for 4GiB, in memory 256MiB" min:"0B" max:"1TiB"`
	Reserve    Size     `toml:"reserve" default:"256MiB" doc:"embedded: left free on the file system, or 5 % of it if that is less, and for the audit log 512 B more for each delivery that has not ended; what is stored settles into it, events get 503 disk_full" min:"1MiB" max:"1TiB"`
	KeepStatus Duration `toml:"keep_status" default:"1h" doc:"how long the end of an event can be asked for; at least every max_hold" min:"0s" max:"365d"`
}

// Limits is [limits].
type Limits struct {
	Admission         PerSecond `toml:"admission" default:"0/s" doc:"requests that are looked at, of all ingresses, whoever sends them, as in 5000/s; 0/s for no limit" min:"0/s" max:"1000000000/s"`
	WorkBytes         Size      `toml:"work_bytes" default:"256MiB" doc:"bodies that are read or worked on, of all ingresses; the router needs up to four times that" min:"1MiB" max:"1TiB"`
	HeaderBytes       Size      `toml:"header_bytes" default:"16KiB" doc:"request line and headers of HTTP, headers of a ZeroMQ request" min:"1KiB" max:"1MiB"`
	HeaderTimeout     Duration  `toml:"header_timeout" default:"10s" doc:"HTTP: until the headers are read" min:"10ms" max:"1h"`
	BodyTimeout       Duration  `toml:"body_timeout" default:"30s" doc:"HTTP: until the body is read" min:"10ms" max:"1h"`
	IdleTimeout       Duration  `toml:"idle_timeout" default:"2m" doc:"HTTP: an unused connection is closed" min:"10ms" max:"1h"`
	Connections       int       `toml:"connections" default:"10000" doc:"HTTP: open connections per door" min:"1" max:"1000000"`
	Requests          int       `toml:"requests" default:"4096" doc:"requests worked on at once per door" min:"1" max:"1000000"`
	Streams           int       `toml:"streams" default:"128" doc:"HTTP/2: streams per connection" min:"1" max:"10000"`
	Waiters           int       `toml:"waiters" default:"1024" doc:"requests that wait for an end at once" min:"1" max:"1000000"`
	Batch             int       `toml:"batch" default:"1000" doc:"events per batch request" min:"1" max:"1000"`
	ConditionCost     int       `toml:"condition_cost" default:"10000" doc:"CEL: cost of one condition on one event" min:"1" max:"10000000"`
	Rates             int       `toml:"rates" default:"100000" doc:"principals whose rate or share is tracked at once" min:"1" max:"100000000"`
	Peers             int       `toml:"peers" default:"4096" doc:"ZeroMQ: connections per socket" min:"1" max:"1000000"`
	PeersPerAddress   int       `toml:"peers_per_address" default:"512" doc:"ZeroMQ: connections per socket and address" min:"1" max:"1000000"`
	Handshakes        int       `toml:"handshakes" default:"256" doc:"ZeroMQ: handshakes at once per socket" min:"1" max:"100000"`
	HandshakeTimeout  Duration  `toml:"handshake_timeout" default:"5s" doc:"ZeroMQ: until the handshake is done" min:"10ms" max:"1h"`
	FrameBytes        Size      `toml:"frame_bytes" default:"1MiB" doc:"ZeroMQ: largest incoming frame" min:"1KiB" max:"64MiB"`
	MessageBytes      Size      `toml:"message_bytes" default:"2MiB" doc:"ZeroMQ: all frames of one incoming message; at least frame_bytes" min:"1KiB" max:"256MiB"`
	Frames            int       `toml:"frames" default:"64" doc:"ZeroMQ: frames of one incoming message" min:"4" max:"1024"`
	ZMQRequests       int       `toml:"zmq_requests" default:"256" doc:"ZeroMQ ingress: requests worked on at once per connection" min:"1" max:"65536"`
	Subscriptions     int       `toml:"subscriptions" default:"1024" doc:"ZeroMQ: per subscriber" min:"1" max:"1000000"`
	SubscriptionBytes Size      `toml:"subscription_bytes" default:"256B" doc:"ZeroMQ: largest subscription" min:"1B" max:"64KiB"`
	WriteTimeout      Duration  `toml:"write_timeout" default:"10s" doc:"ZeroMQ: a peer that takes nothing for so long is cut" min:"10ms" max:"1h"`
	Heartbeat         Duration  `toml:"heartbeat" default:"5s" doc:"ZeroMQ: between PINGs; 0s for none" min:"0s" max:"1h"`
	HeartbeatTimeout  Duration  `toml:"heartbeat_timeout" default:"15s" doc:"ZeroMQ: a peer not heard of for so long is cut; more than heartbeat" min:"10ms" max:"1d"`
	ReconnectMin      Duration  `toml:"reconnect_min" default:"100ms" doc:"ZeroMQ: longest wait before the first reconnect, doubled with each failure" min:"1ms" max:"1h"`
	ReconnectMax      Duration  `toml:"reconnect_max" default:"10s" doc:"ZeroMQ: longest wait of all; at least reconnect_min" min:"1ms" max:"1d"`
	Linger            Duration  `toml:"linger" default:"1s" doc:"ZeroMQ: at the end, time to send what is queued" min:"0s" max:"1h"`
	TelemetryRing     int       `toml:"telemetry_ring" default:"65536" doc:"events between acceptance and the telemetry channels" min:"1" max:"16777216"`
	Drain             Duration  `toml:"drain" default:"5s" doc:"at SIGTERM: time to finish" min:"0s" max:"1h"`
}

// Log is [log].
type Log struct {
	Level  string            `toml:"level" default:"info" enum:"debug,info,warn,error"`
	Levels map[string]string `toml:"levels" doc:"those of single parts: admin, audit, channel, ingress, intake, journal, keys, plugin, reload, replies, trace"`
	Format string            `toml:"format" default:"auto" enum:"auto,json,console" doc:"auto: console on a terminal, else json"`
}

// Reload is [reload].
type Reload struct {
	Watch bool `toml:"watch" default:"false" doc:"as soon as one of them has changed; else at SIGHUP and headgate reload"`
}

// ReplayWindow is how far a request's webhook-timestamp may lie from now.
const ReplayWindow = 300 * time.Second
