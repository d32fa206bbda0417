package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/headgate-io/headgate/core/audit"
	"github.com/headgate-io/headgate/core/datadir"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check the audit log, search it, prove records of it, take parts out for auditors",
		Long: `audit works on the files of the audit log, whether a router runs or not: on those of
the configuration's data directory, or of a copy that auditors have.

The log is a Merkle tree (RFC 6962). Its router signs checkpoints of it (C2SP
tlog-checkpoint) and exports them: no record before one that is kept elsewhere can be
altered, removed or added unseen.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(a.auditVerifyCommand(), a.auditSearchCommand(), a.auditProveCommand(), a.auditReceiptCommand(), a.auditExportCommand())
	return cmd
}

// auditFiles are the files of the configuration's audit log, or of the directory
// named: a data directory, or one of an audit log's files.
func (a *app) auditFiles(named string) (path string, files fs.FS, err error) {
	if path, err = a.dataDir(named); err != nil {
		return "", nil, err
	}
	if info, err := os.Stat(datadir.Audit(path)); err == nil && info.IsDir() {
		path = datadir.Audit(path)
	}
	list, err := os.ReadDir(path) // a glob would take what may not be read for what is not there
	if err != nil {
		return "", nil, fmt.Errorf("audit log: %w", err)
	}
	for _, f := range list {
		if found, _ := filepath.Match("audit-*.jsonl", f.Name()); found {
			return path, os.DirFS(path), nil
		}
	}
	return "", nil, fmt.Errorf("%s has no audit log", path)
}

// What is read of checkpoints that are kept elsewhere.
const (
	checkpointsMost = 64 << 20 // bytes: a year of them, one each minute
	checkpointsTime = 30 * time.Second
)

// readCheckpoints reads those that were exported to a file or a URL.
func readCheckpoints(ctx context.Context, from string) (list []audit.Exported, err error) {
	var text []byte
	if strings.Contains(from, "://") {
		text, err = fetchCheckpoints(ctx, from)
	} else {
		text, err = readMost(from, checkpointsMost)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	found, err := audit.ParseCheckpoints(text)
	if err == nil && len(found) == 0 {
		err = errors.New("there is none")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	for _, c := range found {
		list = append(list, audit.Exported{Checkpoint: c, From: from})
	}
	return list, nil
}

func readMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readUpTo(f, most)
}

func readUpTo(r io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	return text, err
}

func fetchCheckpoints(ctx context.Context, from string) ([]byte, error) {
	u, err := url.Parse(from)
	if err != nil || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("%s is no https URL: who can change what it answers could hide anything", from)
	}
	ctx, cancel := context.WithTimeout(ctx, checkpointsTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", from, answer.Status)
	}
	return readUpTo(answer.Body, checkpointsMost)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// auditKeys reads verifier keys.
func auditKeys(texts []string) (keys []note.Verifier, err error) {
	for _, text := range texts {
		v, err := note.NewVerifier(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("--key %q is no verifier key: it looks like NAME+HASH+KEY, as the router logs it and each file's first line has it", text)
		}
		keys = append(keys, v)
	}
	return keys, nil
}

// auditTime reads a time: RFC 3339, a day, or how long ago.
func auditTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("--%s %q is no time: write 2026-11-23T12:00:00Z, 2026-11-23 (UTC), or how long ago, as in 90m", flag, text)
}
