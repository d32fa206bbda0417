package sdktest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

// modelMode is the variable that makes this test binary a plugin: a good one by
// the mode "good", and by any other one with that one thing wrong.
const modelMode = "SDKTEST_MODEL"

// forEver is longer than any rule waits.
const forEver = time.Hour

// model is a plugin written by hand to the wire, so that the suite is shown to
// judge the wire and not package plugin.
type model struct {
	pb.UnimplementedPluginServiceServer
	pb.UnimplementedTransformServiceServer
	pb.UnimplementedProviderServiceServer
	mode   string
	server *grpc.Server
	stop   context.CancelFunc

	mu       sync.Mutex
	config   map[string]*modelConfig // by kind
	draining bool
	under    sync.WaitGroup // calls
	drained  chan struct{}
	told     int
	version  uint64
	last     []string // ids of the call before
}

type modelConfig struct {
	Word  string   `json:"word"`
	Count *int     `json:"count"`
	Token string   `json:"token"`
	List  []string `json:"list"`
}

const modelSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{
	"word":{"type":"string"},"count":{"type":"integer","default":3},"token":{"type":"string","x-headgate-secret":true},
	"list":{"type":"array","items":{"type":"string"}}},"required":["word"],"additionalProperties":false}`

// serveModel is the main of the model. It returns its exit status.
func serveModel(mode string) int {
	m := &model{mode: mode, config: map[string]*modelConfig{}, drained: make(chan struct{})}
	if os.Getenv(wire.CookieKey) != wire.CookieValue && mode != "no-cookie" {
		if mode != "cookie-quiet" {
			fmt.Fprintln(os.Stderr, "this is a headgate plugin: a router starts it")
		}
		return 1
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.log("started")
	go m.watchParent()
	go m.watchSignals()
	line, err := m.listen()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	switch mode {
	case "noise":
		fmt.Println("hello")
	case "silent":
		time.Sleep(forEver)
	case "dies":
		panic("out of ideas")
	}
	fmt.Println(line)
	<-ctx.Done()
	m.server.Stop()
	if mode == "leaves-file" {
		os.WriteFile(filepath.Join(os.TempDir(), "left"), nil, 0o600)
	}
	return 0
}

func (m *model) log(text string) {
	line, _ := json.Marshal(map[string]string{"@level": "info", "@message": text, "@module": "model", "@timestamp": time.Now().Format(time.RFC3339Nano)})
	os.Stderr.Write(append(line, '\n'))
}

func (m *model) watchParent() {
	io.Copy(io.Discard, os.Stdin)
	if m.mode != "orphan" {
		os.Exit(0)
	}
}

func (m *model) watchSignals() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	for s := range signals {
		switch {
		case s == os.Interrupt && m.mode == "sigint-dies":
			os.Exit(130)
		case s == os.Interrupt || m.mode == "sigterm-deaf":
		case m.mode == "sigterm-1":
			os.Exit(1)
		case m.mode == "sigterm-internal":
			m.mu.Lock()
			m.config = map[string]*modelConfig{"broken": nil}
			m.mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			os.Exit(0)
		default:
			m.drain()
			m.stop()
		}
	}
}

// listen serves, and returns the handshake.
func (m *model) listen() (string, error) {
	dir := os.Getenv("PLUGIN_UNIX_SOCKET_DIR")
	if m.mode == "elsewhere" {
		dir = os.TempDir()
	}
	l, err := net.Listen("unix", filepath.Join(dir, "model"))
	if err != nil {
		return "", err
	}
	own, _, err := sdktest.NewCertificate()
	if err != nil {
		return "", err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM([]byte(os.Getenv(wire.CertKey)))
	t := &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS13}
	switch m.mode {
	case "open-door":
		t.ClientAuth = tls.NoClientCert
	case "any-client":
		t.ClientAuth = tls.RequireAnyClientCert
	}
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(wire.MaxBytes), grpc.MaxSendMsgSize(wire.MaxBytes)}
	if m.mode == "small" {
		options = nil // gRPC's own bound is 4 MiB
	}
	certificate := base64.RawStdEncoding.EncodeToString(own.Certificate[0])
	if m.mode == "plain" {
		certificate = ""
	} else {
		options = append(options, grpc.Creds(credentials.NewTLS(t)))
	}
	m.server = grpc.NewServer(options...)
	pb.RegisterPluginServiceServer(m.server, m)
	pb.RegisterTransformServiceServer(m.server, m)
	pb.RegisterProviderServiceServer(m.server, m)
	h := health.NewServer()
	if m.mode != "no-health" {
		h.SetServingStatus("plugin", healthpb.HealthCheckResponse_SERVING)
	}
	healthpb.RegisterHealthServer(m.server, h)
	if m.mode != "no-shutdown" {
		m.serveController()
	}
	go m.server.Serve(l)
	version := 1
	if m.mode == "any-version" {
		offered := strings.Split(os.Getenv("PLUGIN_PROTOCOL_VERSIONS"), ",")
		fmt.Sscan(offered[len(offered)-1], &version)
	}
	return fmt.Sprintf("1|%d|unix|%s|grpc|%s", version, l.Addr(), certificate), nil
}

// serveController serves go-plugin's Shutdown.
func (m *model) serveController() {
	shutdown := func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
		if m.mode != "shutdown-deaf" {
			m.stop()
		}
		return &emptypb.Empty{}, nil
	}
	m.server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "plugin.GRPCController", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Shutdown", Handler: shutdown}},
	}, m)
}

func (m *model) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	m.mu.Lock()
	m.told++
	told := m.told
	m.mu.Unlock()
	d := &pb.DescribeResponse{Name: "model", Version: "1.0.0", Sdk: "none", Kinds: []*pb.Kind{
		{Type: pb.Kind_TYPE_TRANSFORM, Name: "wrap", ConfigSchema: []byte(modelSchema), Needs: &pb.Needs{Data: true, Extensions: true}},
		{Type: pb.Kind_TYPE_PROVIDER, Name: "keys", ConfigSchema: []byte(modelSchema)},
	}}
	switch m.mode {
	case "describe-changes":
		d.Version = fmt.Sprintf("1.0.%d", told)
	case "describe-slow":
		time.Sleep(forEver)
	case "no-kinds":
		d.Kinds = nil
	case "bad-name":
		d.Kinds[0].Name = "Wrap It"
	case "schema-invalid":
		d.Kinds[0].ConfigSchema = []byte(strings.Replace(modelSchema, `"integer"`, `"whole"`, 1))
	case "schema-old":
		d.Kinds[0].ConfigSchema = []byte(strings.Replace(modelSchema, "https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#", 1))
	case "default-misfit":
		d.Kinds[0].ConfigSchema = []byte(strings.Replace(modelSchema, `"default":3`, `"default":"three"`, 1))
	case "sample-misfit":
		d.Kinds[0].ConfigSchema = []byte(strings.Replace(modelSchema, `["word"]`, `["word","colour"]`, 1))
	}
	return d, nil
}

func (m *model) Health(context.Context, *pb.HealthRequest) (*pb.HealthResponse, error) {
	return &pb.HealthResponse{Ready: true}, nil
}

func (m *model) Configure(_ context.Context, r *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, faults := m.read(r.GetConfig())
	if m.mode == "logs-secret" {
		m.log("token is " + c.Token)
	}
	if m.mode == "refuses-all" || len(r.GetPolicy().GetIssuers()) == 0 && r.GetKind() == "keys" {
		faults = append(faults, &pb.Diagnostic{Text: "not today"})
	}
	if r.GetDryRun() && m.mode == "dry-blind" {
		faults = nil
	}
	if len(faults) > 0 && m.mode == "forgets" {
		delete(m.config, r.GetKind())
	}
	if len(faults) == 0 && (!r.GetDryRun() || m.mode == "dry-keeps") {
		if m.mode == "gap" {
			delete(m.config, r.GetKind())
			m.mu.Unlock()
			time.Sleep(5 * time.Millisecond)
			m.mu.Lock()
		}
		m.config[r.GetKind()] = c
	}
	return &pb.ConfigureResponse{Diagnostics: faults}, nil
}

// read finds every fault of a configuration.
func (m *model) read(text []byte) (*modelConfig, []*pb.Diagnostic) {
	var faults []*pb.Diagnostic
	fault := func(name, text string) {
		faults = append(faults, &pb.Diagnostic{Path: "/" + name, Text: text})
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(text, &members) != nil {
		return &modelConfig{}, []*pb.Diagnostic{{Text: "want a table"}}
	}
	c := &modelConfig{}
	for name, to := range map[string]any{"word": &c.Word, "count": &c.Count, "token": &c.Token, "list": &c.List} {
		value, there := members[name]
		delete(members, name)
		switch {
		case there && json.Unmarshal(value, to) != nil:
			if m.mode == "no-path" {
				faults = append(faults, &pb.Diagnostic{Text: "something has the wrong type"})
			} else {
				fault(name, "is of the wrong type")
			}
		case !there && name == "word" && m.mode != "missing-ok":
			fault(name, "is required")
		}
	}
	for name := range members {
		switch m.mode {
		case "lenient":
		case "tells-secret":
			fault(name, "is not known in "+string(text))
		default:
			fault(name, "is not known")
		}
	}
	return c, faults
}

// begin counts a call, or refuses it.
func (m *model) begin(kind string) (*modelConfig, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.draining && m.mode != "drain-deaf" {
		if m.mode == "drain-unknown" {
			return nil, errors.New("no more")
		}
		return nil, status.Error(codes.Unavailable, "draining")
	}
	if _, broken := m.config["broken"]; broken {
		return nil, status.Error(codes.Internal, "half dead")
	}
	c := m.config[kind]
	if c == nil {
		switch m.mode {
		case "unconfigured-ok":
			c = &modelConfig{}
		case "unconfigured-vague":
			return nil, errors.New("oops")
		default:
			return nil, status.Error(codes.FailedPrecondition, kind+" is not configured")
		}
	}
	m.under.Add(1)
	return c, nil
}

func (m *model) Drain(context.Context, *pb.DrainRequest) (*pb.DrainResponse, error) {
	m.drain()
	return &pb.DrainResponse{}, nil
}

func (m *model) drain() {
	m.mu.Lock()
	if !m.draining {
		m.draining = true
		close(m.drained)
	}
	m.mu.Unlock()
	if m.mode != "drain-deaf" {
		m.under.Wait()
	}
	if m.mode == "drain-dies" {
		os.Exit(0)
	}
}

func (m *model) Transform(ctx context.Context, r *pb.TransformRequest) (*pb.TransformResponse, error) {
	c, err := m.begin(r.GetKind())
	if err != nil {
		return nil, err
	}
	defer m.under.Done()
	events := r.GetEvents()
	switch m.mode {
	case "never-ends":
		time.Sleep(20 * time.Millisecond)
		if ctx.Err() != nil {
			time.Sleep(forEver)
		}
	case "strict-fields":
		if len(r.ProtoReflect().GetUnknown()) > 0 {
			return nil, status.Error(codes.InvalidArgument, "a field that is not known")
		}
	case "mixes":
		m.mix(events)
	case "prints":
		fmt.Println("one more batch")
	case "plain-log":
		fmt.Fprintln(os.Stderr, "one more batch")
	case "long-line":
		m.log(strings.Repeat("x", 70<<10))
	case "floods":
		for range 3000 {
			m.log(strings.Repeat("x", 200))
		}
		time.Sleep(10 * time.Millisecond)
	case "leaves-child":
		child := exec.Command(os.Args[0])
		child.Env = []string{modelMode + "=sleeper"}
		child.Start()
	}
	out := make([]*pb.Outcome, len(events))
	for i, e := range events {
		if out[i], err = m.wrap(c, e); err != nil {
			return nil, err
		}
	}
	switch {
	case m.mode == "one-short" && len(out) > 1:
		out = out[1:]
	case m.mode == "shuffles":
		slices.Reverse(out)
	}
	return &pb.TransformResponse{Outcomes: out}, nil
}

// mix gives events the ids of a call that comes at the same time.
func (m *model) mix(events []*pb.Event) {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.GetId()
	}
	m.mu.Lock()
	m.last = ids
	m.mu.Unlock()
	time.Sleep(time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.last) == len(events) {
		for i, e := range events {
			e.Id = m.last[i]
		}
	}
}

// wrap puts JSON data into an object, drops bytes, and leaves all else alone.
func (m *model) wrap(c *modelConfig, e *pb.Event) (*pb.Outcome, error) {
	if m.mode == "dies-deep" && strings.HasPrefix(string(e.GetData()), "[[[[") {
		panic("stack overflow")
	}
	if m.mode == "dies-large" && len(e.GetData()) > 1<<20 {
		os.Exit(137)
	}
	switch {
	case e.Data == nil:
		if m.mode == "says-nothing" {
			return &pb.Outcome{}, nil
		}
		return &pb.Outcome{Is: &pb.Outcome_Unchanged{Unchanged: &pb.Unchanged{}}}, nil
	case e.GetDataContentType() == "application/octet-stream":
		reason := "bytes are of no use"
		if m.mode == "no-reason" {
			reason = ""
		}
		return &pb.Outcome{Is: &pb.Outcome_Drop{Drop: &pb.Drop{Reason: reason}}}, nil
	case !e.GetDataIsJson():
		return &pb.Outcome{Is: &pb.Outcome_Unchanged{Unchanged: &pb.Unchanged{}}}, nil
	case !json.Valid(e.GetData()):
		if m.mode == "fails-batch" {
			return nil, status.Error(codes.Unknown, "no JSON")
		}
		return &pb.Outcome{Is: &pb.Outcome_Failure{Failure: &pb.Failure{Reason: "data is no JSON"}}}, nil
	}
	word, _ := json.Marshal(c.Word)
	e.Data = fmt.Appendf(nil, `{%s:%s}`, word, e.Data)
	switch m.mode {
	case "retypes":
		e.Type += ".wrapped"
	case "breaks-json":
		e.Data = e.Data[1:]
	case "renames":
		e.Id = "my-own-id"
	}
	replace := &pb.Replace{Events: []*pb.Event{e}}
	if m.mode == "two-events" {
		replace.Events = append(replace.Events, e)
	}
	return &pb.Outcome{Is: &pb.Outcome_Replace{Replace: replace}}, nil
}

func (m *model) Hint(ctx context.Context, _ *pb.HintRequest) (*pb.HintResponse, error) {
	if m.mode == "hint-slow" {
		<-ctx.Done()
	}
	return &pb.HintResponse{}, nil
}

func (m *model) WatchTrust(stream pb.ProviderService_WatchTrustServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if _, err := m.begin(first.GetKind()); err != nil {
		return err
	}
	defer m.under.Done()
	if m.mode == "trust-silent" {
		<-stream.Context().Done()
		return nil
	}
	answers := make(chan *pb.WatchTrustRequest)
	go func() {
		defer close(answers)
		for {
			r, err := stream.Recv()
			if err != nil {
				return
			}
			answers <- r
		}
	}()
	for range 2 {
		if err := stream.Send(m.snapshot()); err != nil {
			return err
		}
		if m.mode == "trust-hasty" {
			continue
		}
		select {
		case a, ok := <-answers:
			if !ok {
				if m.mode == "watch-stays" {
					time.Sleep(forEver)
				}
				return nil
			}
			if a.GetRefused() != "" && m.mode == "trust-sulks" {
				return status.Error(codes.Aborted, "then not")
			}
		case <-m.drained:
			if m.mode == "watch-stays" {
				time.Sleep(forEver)
			}
			return status.Error(codes.Unavailable, "draining")
		}
	}
	select {
	case <-stream.Context().Done():
	case <-m.drained:
	}
	return nil
}

func (m *model) snapshot() *pb.WatchTrustResponse {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
	now := time.Now()
	at := func(d time.Duration) int64 { return now.Add(d).UnixMilli() }
	s := &pb.WatchTrustResponse{
		Version: m.version, FetchedAt: at(0), FreshUntil: at(time.Minute), UsableUntil: at(time.Hour),
		Issuers: []*pb.Issuer{{
			Issuer: "https://issuer.example", Audiences: []string{"headgate"}, Algs: []string{"EdDSA"}, LeewaySeconds: 30, MaxLifetimeSeconds: 3600,
			Keys: [][]byte{[]byte(`{"kty":"OKP","crv":"Ed25519","kid":"one","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)},
		}},
	}
	switch m.mode {
	case "trust-back":
		s.Version = 1000 - m.version
	case "trust-stale":
		s.UsableUntil = at(-time.Minute)
		s.FreshUntil = at(-time.Hour)
		s.FetchedAt = at(-2 * time.Hour)
	case "trust-disorder":
		s.FreshUntil = at(-time.Minute)
	case "trust-foreign":
		s.Issuers[0].Issuer = "https://elsewhere.example"
	case "trust-private":
		s.Issuers[0].Keys[0] = []byte(`{"kty":"OKP","crv":"Ed25519","kid":"one","d":"AAAA","x":"AAAA"}`)
	case "trust-symmetric":
		s.Issuers[0].Keys[0] = []byte(`{"kty":"oct","kid":"one","x":"AAAA"}`)
	}
	return s
}
