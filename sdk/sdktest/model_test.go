package sdktest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

// modelMode is the variable that makes this test binary a plugin: a good one by
// the mode "good", and by any other one with that one thing wrong.
const modelMode = "SDKTEST_MODEL"

// sleeperDir is the variable that names where a child of the model makes a socket
// to be known alive by; in none when empty.
const sleeperDir = "SDKTEST_SLEEPERS"

// sleep is the main of a child of the model.
func sleep() {
	if dir := os.Getenv(sleeperDir); dir != "" {
		l, err := net.Listen("unix", filepath.Join(dir, fmt.Sprint(os.Getpid())))
		if err == nil {
			defer l.Close()
		}
	}
	time.Sleep(forEver)
}

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
