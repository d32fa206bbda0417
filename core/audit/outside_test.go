package audit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

func parseExport(t *testing.T, name string, out io.Writer) audit.Export {
	t.Helper()
	e, err := audit.ParseExport(name, out)
	must(t, err)
	return e
}

func TestExportToAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes")
	d := disktest.New(disktest.Options{})
	o := options(d, newClock())
	o.Exports = []audit.Export{parseExport(t, "file:"+path, nil)}
	read := func() []audit.Exported {
		text, err := os.ReadFile(path)
		must(t, err)
		list, err := audit.ParseCheckpoints(text)
		must(t, err)
		var out []audit.Exported
		for _, c := range list {
			out = append(out, audit.Exported{Checkpoint: c, From: path})
		}
		return out
	}
	var notes int
	for i := range 400 { // more than is read of its end
		l := open(t, o)
		accept(t, l, 2*i+1, 2*i+2)
		shut(t, l)
		if i%50 == 0 || i > 395 {
			r := check(t, files(d), read()...)
			good(t, r)
			if r.Newer != 0 {
				t.Fatalf("%d records are not exported", r.Newer)
			}
		}
		// A full disk, or a crash, leaves a part of one.
		if i%7 == 3 {
			text, err := os.ReadFile(path)
			must(t, err)
			from := bytes.LastIndex(text, []byte(origin+"\n"))
			must(t, os.WriteFile(path, text[:from+(len(text)-from)*(i%29)/29], 0o600))
		} else {
			notes++
		}
	}
	if got := len(read()); got < notes {
		t.Errorf("%d notes of %d", got, notes)
	}
}

func TestExportALineEach(t *testing.T) {
	var out bytes.Buffer
	d := disktest.New(disktest.Options{})
	o := options(d, newClock())
	o.Exports = []audit.Export{parseExport(t, "stdout:", &out)}
	l := open(t, o)
	accept(t, l, 1, 5)
	shut(t, l)
	list, err := audit.ParseCheckpoints(out.Bytes())
	if err != nil || len(list) != 1 || list[0].Size != 5 || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Errorf("%q, %v", out.String(), err)
	}
	good(t, check(t, files(d), audit.Exported{Checkpoint: list[0]}))
}

// TestExportOverHTTP has a server that refuses, sends elsewhere, hangs, and takes.
func TestExportOverHTTP(t *testing.T) {
	got := make(chan []byte, 10)
	status := make(chan int, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPut || r.URL.RawQuery != "token=s3cret" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		code := <-status
		if code/100 == 3 {
			w.Header().Set("Location", "/elsewhere")
		}
		if code/100 == 2 {
			got <- text
		}
		w.WriteHeader(code)
	}))
	defer server.Close()
	d := disktest.New(disktest.Options{})
	o := options(d, newClock())
	o.Exports = []audit.Export{parseExport(t, server.URL+"/head?token=s3cret", nil)}
	l := open(t, o)
	accept(t, l, 1, 5)
	must(t, l.Sign())
	for _, code := range []int{500, 302, 404} {
		status <- code
		l.ExportOnce()
		s := l.Stats().Exports[0]
		if s.Failure == "" || s.Size != 0 || s.Since.IsZero() {
			t.Fatalf("%d: %+v", code, s)
		}
		if strings.Contains(s.Failure, "s3cret") {
			t.Errorf("%+v", s)
		}
	}
	if n := l.Stats().Exports[0].Failures; n != 3 {
		t.Errorf("%d failures", n)
	}
	status <- 204
	l.ExportOnce()
	text := <-got
	if s := l.Stats().Exports[0]; s.Failure != "" || s.Size != 5 {
		t.Errorf("%+v", s)
	}
	c, err := audit.ParseCheckpoint(text)
	must(t, err)
	status <- 200
	shut(t, l)
	r := check(t, files(d), audit.Exported{Checkpoint: c, From: "it"})
	good(t, r)
	var lost, back int
	for _, line := range allLines(t, files(d)) {
		switch line.Action {
		case audit.ActionExportLost:
			lost++
		case audit.ActionExportBack:
			back++
		}
		if bytes.Contains(line.Raw, []byte("s3cret")) {
			t.Errorf("%s", line.Raw)
		}
	}
	if lost != 1 || back != 1 {
		t.Errorf("%d lines of an outage, %d of its end", lost, back)
	}
}

// TestExportsThatHangHoldNothingUp has one that never answers.
func TestExportsThatHangHoldNothingUp(t *testing.T) {
	begun, end := make(chan struct{}, 10), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-end
	}))
	defer server.Close()
	d := disktest.New(disktest.Options{})
	o := options(d, newClock())
	o.Checkpoint = time.Millisecond
	o.Exports = []audit.Export{parseExport(t, server.URL, nil)}
	l := open(t, o)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	<-begun
	for i := 1; i < 200; i++ {
		accept(t, l, i, i+1)
		must(t, l.Write(context.Background(), audit.Record{Action: "admin.act"}))
	}
	must(t, l.Err())
	stop()
	must(t, <-ended)
	close(end)
	shut(t, l)
	good(t, check(t, files(d)))
}

// TestRunTriesAgain has an export that comes back.
func TestRunTriesAgain(t *testing.T) {
	d, out := disktest.New(disktest.Options{}), newExport()
	out.set(errors.New("it is down"))
	o := options(d, newClock())
	o.Checkpoint, o.Exports = time.Millisecond, []audit.Export{out}
	l := open(t, o)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	<-out.came
	out.set(nil)
	<-out.came
	stop()
	must(t, <-ended)
	shut(t, l)
	r := check(t, files(d), out.all()...)
	good(t, r)
	if r.Newer != 0 {
		t.Errorf("%d records are not exported", r.Newer)
	}
}

func TestParseExportRefuses(t *testing.T) {
	for _, name := range []string{"", "file:", "stdout", "http://192.0.2.1/x", "http://localhost.example/x", "ftp://host/x", "https://", "/var/x", "://"} {
		if e, err := audit.ParseExport(name, nil); err == nil {
			t.Errorf("%q was taken: %s", name, e.Name())
		}
	}
	for _, name := range []string{"https://u:s3cret@host/x", "https://host/x?token=s3cret#s3cret", "http://127.0.0.1:1/x", "http://[::1]/x", "http://localhost/x"} {
		if e := parseExport(t, name, nil); strings.Contains(e.Name(), "s3cret") {
			t.Error(e.Name())
		}
	}
}
