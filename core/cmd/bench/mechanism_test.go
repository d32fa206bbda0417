package main

import (
	"slices"
	"strings"
	"testing"
)

func TestMechanismArguments(t *testing.T) {
	null := mechanism{}
	if got := null.listening("pull", "1"); !slices.Equal(got, []string{"pull", "1"}) || null.String() != "NULL" {
		t.Errorf("%s listens with %q", null, got)
	}
	if must(listeningSecurity(nil)).Curve != nil || must(connectingSecurity(nil)).Curve != nil {
		t.Error("without an argument there is CURVE")
	}

	m := newCurve()
	listens, connects := m.listening("pull", "1"), m.connecting("push")
	if len(listens) != 3 || len(connects) != 2 || m.String() != "CURVE" {
		t.Fatalf("%s: %d and %d arguments", m, len(listens), len(connects))
	}
	server, client := must(listeningSecurity(listens[2:])).Curve, must(connectingSecurity(connects[1:])).Curve
	if server.Secrets[0].Public() != client.Server || server.Admit == nil {
		t.Error("the client does not know the server")
	}
	if strings.Contains(strings.Join(connects, " "), m.secret) {
		t.Error("the client gets the server's secret")
	}

	if _, err := listeningSecurity([]string{"short"}); err == nil {
		t.Error("a short secret is read")
	}
	if _, err := connectingSecurity([]string{"short"}); err == nil {
		t.Error("a short key is read")
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
