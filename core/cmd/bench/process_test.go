package main

import (
	"testing"
	"time"
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
