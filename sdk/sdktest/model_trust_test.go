package sdktest_test

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

func (m *model) Hint(context.Context, *pb.HintRequest) (*pb.HintResponse, error) {
	if m.mode == "hint-slow" {
		time.Sleep(forEver) // an answer at the deadline itself could come in time
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
