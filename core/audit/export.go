package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	exportFirst = time.Second      // before a second try; twice as long each time
	exportMost  = time.Minute      // longest pause between two tries
	exportTime  = 10 * time.Second // one try
	lastExport  = 5 * time.Second  // what Close waits for all exports
)

// Export is a place that checkpoints go to, where who can alter the log cannot
// alter them. One caller at a time.
type Export interface {
	// Name tells where that is, without a secret.
	Name() string
	// Put brings a checkpoint there. It returns when ctx ends.
	Put(ctx context.Context, c Checkpoint) error
}

// Remembering is an Export that can be asked what it has.
type Remembering interface {
	// Newest gives the newest checkpoint's note, nil for none.
	Newest() ([]byte, error)
}

// ParseExport makes an export of its name: file:PATH, to whose end each
// checkpoint's note is added; stdout:, a JSON line each, to out; or an https URL,
// to which the newest one's note is PUT (http to a loopback address alone).
func ParseExport(name string, out io.Writer) (Export, error) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		if path == "" {
			return nil, errors.New("audit export file: names no file: write file:PATH")
		}
		return &fileExport{path}, nil
	}
	if name == "stdout:" {
		return &lineExport{out}, nil
	}
	u, err := url.Parse(name)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("an audit export is file:PATH, stdout: or an https URL")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("audit export %s: plain http is for a loopback address alone: write https", u.Host)
	}
	return newHTTPExport(u), nil
}

// lineExport writes a line for each checkpoint.
type lineExport struct{ out io.Writer }

func (e *lineExport) Name() string { return "stdout:" }

func (e *lineExport) Put(_ context.Context, c Checkpoint) error {
	_, err := e.out.Write(c.line())
	return err
}

// ExportStats is how an export does.
type ExportStats struct {
	Name     string    `json:"name"`
	Size     int64     `json:"size"`        // records that the newest one there covers, as far as it is known
	At       time.Time `json:"at,omitzero"` // when it came there
	Failure  string    `json:"failure,omitempty"`
	Since    time.Time `json:"since,omitzero"` // of the failure
	Failures uint64    `json:"failures"`
}

// exporter brings the newest checkpoint to one export: those that come meanwhile
// take each other's place.
type exporter struct {
	to  Export
	log *Log
	box chan Checkpoint

	mu    sync.Mutex
	count ExportStats
}

func newExporter(to Export, l *Log) *exporter {
	return &exporter{to: to, log: l, box: make(chan Checkpoint, 1), count: ExportStats{Name: to.Name()}}
}

// offer never blocks; callers hold turn.
func (e *exporter) offer(c Checkpoint) {
	for {
		select {
		case e.box <- c:
			return
		default: // only the newest one counts: what has not gone yet makes room
		}
		select {
		case <-e.box:
		default:
		}
	}
}

// run exports until ctx ends.
func (e *exporter) run(ctx context.Context) {
	for {
		select {
		case c := <-e.box:
			e.deliver(ctx, c)
		case <-ctx.Done():
			return
		}
	}
}

// deliver tries until the checkpoint, or a newer one, is there. What is not when
// ctx ends is left for Close.
func (e *exporter) deliver(ctx context.Context, c Checkpoint) {
	for pause := exportFirst; e.try(ctx, c) != nil; pause = min(2*pause, exportMost) {
		again := time.NewTimer(pause)
		select {
		case newer := <-e.box:
			c = newer
			select {
			case <-again.C:
			case <-ctx.Done():
			}
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
		if ctx.Err() != nil {
			select {
			case e.box <- c:
			default: // a newer one is there
			}
			return
		}
	}
}

// try exports once, and tells of the first failure and of the first success after.
func (e *exporter) try(ctx context.Context, c Checkpoint) error {
	limit, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	err := e.to.Put(limit, c)
	now := e.log.o.Now()
	e.mu.Lock()
	was := e.count.Failure
	if err != nil {
		e.count.Failure = err.Error()
		e.count.Failures++
		if was == "" {
			e.count.Since = now
		}
	} else {
		e.count.Size, e.count.At, e.count.Failure, e.count.Since = c.Size, now, "", time.Time{}
	}
	e.mu.Unlock()
	switch {
	case err != nil && was == "":
		e.log.o.Log.Error().Err(err).Str("export", e.to.Name()).Msg("a checkpoint of the audit log does not get out: what is newer than the last one there can be altered unseen")
		e.log.say(Record{Action: ActionExportLost, Outcome: Failure, Detail: map[string]string{"export": e.to.Name(), "error": err.Error()}})
	case err == nil && was != "":
		e.log.o.Log.Info().Str("export", e.to.Name()).Msg("checkpoints of the audit log get out again")
		e.log.say(Record{Action: ActionExportBack, Outcome: Success, Detail: map[string]string{"export": e.to.Name()}})
	}
	return err
}

func (e *exporter) stats() ExportStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.count
}

// exportOnce tries each export once, for what has not gone yet.
func (l *Log) exportOnce(ctx context.Context) {
	var wait sync.WaitGroup
	for _, e := range l.exports {
		wait.Go(func() {
			select {
			case c := <-e.box:
				_ = e.try(ctx, c) // it is told, and the next start tries again
			default: // all is there
			}
		})
	}
	wait.Wait()
}
