package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/headgate-io/headgate/sdk/webhook"
)

// playFloor is the least that can take signed events: net/http reads a body,
// one HMAC is checked, 202 is answered. Its argument is the secret.
func playFloor(ctx context.Context, args []string, say func(string)) error {
	if len(args) != 1 {
		return errors.New("floor: a secret is needed")
	}
	secret, err := webhook.ParseSecret(args[0])
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: floor(secret)}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })() // it has nothing to finish
	say(l.Addr().String())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func floor(secret []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(webhook.Content(r.Header.Get(webhook.HeaderID), r.Header.Get(webhook.HeaderTimestamp), body))
		text, _ := strings.CutPrefix(r.Header.Get(webhook.HeaderSignature), webhook.VersionHMAC+",")
		got, err := base64.StdEncoding.DecodeString(text)
		if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"accepted"}`) // a client that is gone is not served
	}
}
