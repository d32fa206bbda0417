package core

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/topology"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// peerOptions are the limits and heartbeats of every socket.
func peerOptions(l config.Limits) zmq.Options {
	return zmq.Options{
		Limits: zmq.Limits{Frame: int(l.FrameBytes), Message: int(l.MessageBytes), FramesPerMessage: l.Frames, Subscriptions: l.Subscriptions,
			Prefix: int(l.SubscriptionBytes), SubscriptionBytes: l.Subscriptions * int(l.SubscriptionBytes), Peers: l.Peers, PeersPerAddress: l.PeersPerAddress, Handshakes: l.Handshakes,
			HandshakeTimeout: time.Duration(l.HandshakeTimeout), WriteTimeout: time.Duration(l.WriteTimeout)},
		Heartbeat: zmq.Heartbeat{Interval: orNone(l.Heartbeat), Timeout: time.Duration(l.HeartbeatTimeout)},
		Backoff:   zmq.Backoff{Min: time.Duration(l.ReconnectMin), Max: time.Duration(l.ReconnectMax)},
		Linger:    orNone(l.Linger),
	}
}

// orNone is a duration whose zero means none, where zmq has a default for zero.
func orNone(d config.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return time.Duration(d)
}

// socketOptions are what a socket is made with, which has no address yet.
func socketOptions(cfg *config.Config, name, ipcMode string) topology.Options {
	o := topology.Options{Name: name, ZMQ: peerOptions(cfg.Limits)}
	mode, err := strconv.ParseUint(ipcMode, 8, 9)
	if err == nil { // else it is for no ipc socket
		o.ZMQ.Mode = fs.FileMode(mode)
	}
	return o
}

// replySetting is who may reply, and where: every peer with a command channel.
func replySetting(cfg *config.Config) (topology.Setting, error) {
	commands := make(map[string]bool)
	for _, ch := range cfg.Channels {
		commands[ch.Name] = ch.Class == "command"
	}
	to := topology.Setting{Listen: cfg.Replies.Listen, Guests: guests(cfg, func(p *config.Peer) bool {
		return slices.ContainsFunc(p.Channels, func(name string) bool { return commands[name] })
	})}
	var err error
	to.Security, err = security(cfg, cfg.Replies.Curve, cfg.Replies.TLS, true)
	return to, err
}

func channelSetting(cfg *config.Config, ch *config.Channel) (topology.Setting, error) {
	to := topology.Setting{Listen: ch.Listen, Connect: ch.Connect,
		Guests: guests(cfg, func(p *config.Peer) bool { return slices.Contains(p.Channels, ch.Name) })}
	var err error
	to.Security, err = security(cfg, ch.Curve, ch.TLS, ch.Listen != "")
	return to, err
}

func ingressSetting(cfg *config.Config, in *config.Ingress) (topology.Setting, error) {
	to := topology.Setting{Listen: in.Listen, Guests: guests(cfg, func(p *config.Peer) bool { return slices.Contains(p.Ingress, in.Name) })}
	var err error
	to.Security, err = security(cfg, in.Curve, in.TLS, true)
	return to, err
}

// guests are the admitted peers that may have a socket.
func guests(cfg *config.Config, may func(*config.Peer) bool) topology.Guests {
	out := make(topology.Guests)
	for i := range cfg.Peers {
		if p := &cfg.Peers[i]; p.Admitted() && may(p) {
			out[p.Curve] = zmq.Admitted{Name: p.Name, Topics: p.Topics}
		}
	}
	return out
}

func security(cfg *config.Config, curve *config.Curve, t *config.TLS, listens bool) (zmq.Security, error) {
	var out zmq.Security
	if curve != nil {
		out.Curve = &zmq.Curve{Secrets: curve.Secrets, Server: curve.Server}
	}
	var err error
	if listens {
		out.TLS, err = serverTLS(cfg, t)
	} else {
		out.TLS, err = clientTLS(cfg, t)
	}
	return out, err
}

func clientTLS(cfg *config.Config, t *config.TLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	path := func(name string) string {
		if name == "" {
			return ""
		}
		return cfg.Path(name)
	}
	out, err := ClientTLS(path(t.CA), path(t.Cert), path(t.Key))
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return out, nil
}

// ClientTLS is a client's side of TLS, from PEM files: the CA of who it connects
// to, the system's when ca is empty, and its own certificate, unless cert is.
func ClientTLS(ca, cert, key string) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		var err error
		if out.RootCAs, err = certPool(ca); err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// certPool reads the certificates of a PEM file.
func certPool(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", path)
	}
	return pool, nil
}
