package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// answerMost is how much of an answer is read, so that the connection is used
// again.
const answerMost = 4 << 10

// httpExport puts the newest note at a URL.
type httpExport struct {
	url    *url.URL
	client *http.Client
}

func newHTTPExport(u *url.URL) *httpExport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 1
	return &httpExport{u, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Name leaves out what may be a secret.
func (e *httpExport) Name() string { return e.url.Scheme + "://" + e.url.Host + e.url.EscapedPath() }

func (e *httpExport) Put(ctx context.Context, c Checkpoint) error {
	// The URL may have a secret in its query or user: it stands in no error.
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, e.url.String(), bytes.NewReader(c.Note))
	if err != nil {
		return errors.New("the URL makes no request")
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	answer, err := e.client.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return err
	}
	_, _ = io.CopyN(io.Discard, answer.Body, answerMost)
	_ = answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return nil
}

// Close gives the connection back.
func (e *httpExport) Close() { e.client.CloseIdleConnections() }

// loopback reports whether a host is this machine without asking any name server.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
