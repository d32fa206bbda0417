package host_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"syscall"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// raw is a plugin without an SDK: it speaks gRPC as bytes over HTTP/2, and does
// what no SDK would let it.
type raw struct {
	habit   string
	flooded atomic.Int64 // bytes
	streams atomic.Int64 // of go-plugin's own, that the router opened
}

// brokered is how many connections the plugin announces on a stream of
// go-plugin's broker, each of which costs a goroutine there.
const brokered = 20_000

// gibibyte is more than any answer may have.
const gibibyte = 1 << 30

func serveRaw(habit string) {
	path, l := bound()
	own := newCertificate()
	p := &raw{habit: habit}
	server := &http.Server{Handler: p, TLSConfig: &tls.Config{Certificates: []tls.Certificate{own}, NextProtos: []string{"h2"}}}
	fmt.Println("1|1|unix|" + path + "|grpc|" + field(own))
	line := strings.Repeat("y", 99)
	switch habit {
	case "flooding stdout":
		go p.flood(os.Stdout, line+"\n")
	case "flooding stderr":
		go p.flood(os.Stderr, line+"\n")
	case "flooding one line":
		go p.flood(os.Stderr, line)
	}
	panic(server.ServeTLS(l, "", ""))
}

// flood writes without end.
func (p *raw) flood(to *os.File, text string) {
	text = strings.Repeat(text, 100)
	for {
		n, err := io.WriteString(to, text)
		if err != nil {
			panic(err)
		}
		p.flooded.Add(int64(n))
	}
}

// ServeHTTP serves one call.
func (p *raw) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	switch method := path.Base(r.URL.Path); method {
	case "Describe":
		if p.habit == "large description" {
			announce(w)
			return
		}
		all := testPlugin()
		answer(w, wire.ToDescription(&all))
	case "Configure":
		answer(w, &pb.ConfigureResponse{})
	case "Health":
		answer(w, &pb.HealthResponse{Ready: true})
	case "Drain":
		answer(w, &pb.DrainResponse{})
	case "Transform", "WatchTrust":
		switch p.habit {
		case "large":
			announce(w)
		case "bomb":
			bomb(w)
		default:
			drop := &pb.Outcome{Is: &pb.Outcome_Drop{Drop: &pb.Drop{Reason: fmt.Sprint(p.flooded.Load() + p.streams.Load())}}}
			answer(w, &pb.TransformResponse{Outcomes: []*pb.Outcome{drop}})
		}
	case "Shutdown":
		if p.habit == "stopping" {
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
			forever() // this thread may run on for a moment
		}
		os.Exit(0)
	case "StartStream", "StreamStdio":
		p.streams.Add(1)
		for n := range uint64(brokered) {
			frame(w, 0, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), n))
		}
		<-r.Context().Done()
	default:
		w.Header().Set("Grpc-Status", "12") // unimplemented
	}
}

func answer(w http.ResponseWriter, m proto.Message) {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	frame(w, 0, b)
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
}

// frame writes a length-prefixed message.
func frame(w io.Writer, compressed byte, b []byte) {
	head := binary.BigEndian.AppendUint32([]byte{compressed}, uint32(len(b)))
	_, _ = w.Write(append(head, b...))
}

// announce says that 1 GiB follows, and sends it.
func announce(w io.Writer) {
	if _, err := w.Write(binary.BigEndian.AppendUint32([]byte{0}, gibibyte)); err != nil {
		return
	}
	chunk := make([]byte, 64<<10)
	for range gibibyte / len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// bomb sends 1 MiB that becomes 1 GiB.
func bomb(w http.ResponseWriter) {
	const part = 1 << 20
	var one bytes.Buffer
	z := gzip.NewWriter(&one)
	if _, err := z.Write(make([]byte, part)); err != nil {
		panic(err)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	w.Header().Set("Grpc-Encoding", "gzip")
	frame(w, 1, bytes.Repeat(one.Bytes(), gibibyte/part))
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
}
