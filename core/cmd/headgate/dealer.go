package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/dsse"
	zmqproducer "github.com/headgate-io/headgate/sdk/producer"
)

// dealer is a poster over ZeroMQ.
type dealer struct{ *zmqproducer.Producer }

// zmqDoor connects to a ZeroMQ door, whose CURVE key is known when it is not
// zero. stop ends the connection.
func (a *app) zmqDoor(ctx context.Context, s sending, to string, known curve.Public, key signingKey, events *dsse.Signer) (_ poster, stop func(), _ error) {
	security, err := s.securing.security(known)
	if err != nil {
		return nil, nil, err
	}
	retries := s.retries
	if retries <= 0 {
		retries = -1 // none: 0 would be the default
	}
	p, err := zmqproducer.New(zmqproducer.Options{Connect: []string{to}, KeyID: key.id, Signer: key.signer, Token: key.token, EventSigner: events, Bound: s.bound, Security: security,
		Wait: time.Duration(s.wait) * time.Second, Retries: retries, UnderWay: max(s.parallel, 1),
		Log: slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return nil, nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Run(life) // nil: it runs this once
	}()
	return dealer{p}, func() { end(); <-ended }, nil
}

func (d dealer) one(ctx context.Context, _ string, event []byte) (answer, error) {
	got, err := d.Send(ctx, event)
	return answered(got, err)
}

func (d dealer) batch(ctx context.Context, events [][]byte) (answer, error) {
	got, err := d.SendBatch(ctx, events)
	if err != nil || got.StatusCode != 200 {
		return answered(got, err)
	}
	var doc struct {
		Results []json.RawMessage `json:"results"`
	}
	for _, r := range got.Results {
		doc.Results = append(doc.Results, r.Raw)
	}
	body, err := json.Marshal(doc)
	return answer{status: got.StatusCode, body: body}, err
}

// answered makes an answer of a refusal, too.
func answered(a zmqproducer.Answer, err error) (answer, error) {
	if refused := new(zmqproducer.Refused); errors.As(err, &refused) {
		a, err = refused.Answer, nil
	}
	return answer{status: a.StatusCode, body: a.Raw}, err
}
