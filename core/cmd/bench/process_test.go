package main

import (
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/configs"
)

func TestParseCPUTime(t *testing.T) {
	got, err := parseCPUTime("12 (a) b)) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0")
	if err != nil || got != 1750*time.Millisecond {
		t.Errorf("parseCPUTime = %v, %v", got, err)
	}
	if _, err := parseCPUTime("12 (a) S 1"); err == nil {
		t.Error("a short stat is read")
	}
}

func TestParseRSSAnon(t *testing.T) {
	got, err := parseRSSAnon([]byte("VmRSS:\t    9000 kB\nRssAnon:\t    2048 kB\n"))
	if err != nil || got != 2 {
		t.Errorf("parseRSSAnon = %v MiB, %v", got, err)
	}
	if _, err := parseRSSAnon([]byte("VmRSS:\t 9 kB\n")); err == nil {
		t.Error("a status without RssAnon is read")
	}
}

func TestFreeQuickstartHasNoFixedPort(t *testing.T) {
	text, door, err := freeQuickstart()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), "127.0.0.1:") != strings.Count(string(configs.Quickstart), "127.0.0.1:") || !strings.Contains(string(text), "http://"+door+`"`) {
		t.Errorf("door %s is not in\n%s", door, text)
	}
	for _, port := range []string{`:5555"`, `:5556"`, `:5557"`, `:8080"`} {
		if strings.Contains(string(text), port) {
			t.Errorf("port %s is still there", port)
		}
	}
}
