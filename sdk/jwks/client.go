package jwks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// Bounds of one request.
const (
	requestTime = 5 * time.Second
	maxBody     = jwk.MaxSetText
	maxHeader   = 32 << 10 // bytes
	maxETag     = 256      // bytes; a longer one is not sent back
)

// client asks issuers, by the rules of the package comment.
type client struct {
	tls   *http.Client
	plain *http.Client // for http URLs
}

func newClient(o *Options) *client {
	return &client{tls: o.client(guard{private: o.AllowPrivate}), plain: o.client(guard{private: o.AllowPrivate, plain: true})}
}

func (o *Options) client(g guard) *http.Client {
	dialer := &net.Dialer{}
	t := &http.Transport{
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.CA},
		DisableKeepAlives:      true, // nothing stays open for the minutes between two requests
		DisableCompression:     true, // so that maxBody is what is read
		MaxResponseHeaderBytes: maxHeader,
	}
	if o.Proxy != nil && !g.plain {
		t.Proxy = http.ProxyURL(o.Proxy)
	} else {
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return g.check(address) }
	}
	t.DialContext = dialer.DialContext
	if o.dial != nil {
		t.DialContext = o.dial
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// document is what an issuer answered.
type document struct {
	body  []byte
	same  bool // it is the one that the ETag stands for, and body is empty
	etag  string
	fresh time.Duration
}

// get asks for JSON. etag is that of the document that is there already, empty
// for none. An error is a whole sentence without the URL.
func (c *client) get(ctx context.Context, from, etag string) (document, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	d, err := c.exchange(ctx, from, etag)
	if errors.Is(err, context.DeadlineExceeded) {
		return document{}, fmt.Errorf("no whole answer within %s", requestTime)
	}
	return d, err
}

func (c *client) exchange(ctx context.Context, from, etag string) (document, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return document{}, err
	}
	req.Header.Set("Accept", "application/json, application/jwk-set+json")
	req.Header.Set("User-Agent", "headgate/"+sdk.Version)
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	ask := c.tls
	if req.URL.Scheme == "http" {
		ask = c.plain
	}
	resp, err := ask.Do(req)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return document{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified && etag != "" {
		return document{same: true, etag: etag, fresh: freshFor(resp.Header)}, nil
	}
	if err := refusal(resp); err != nil {
		return document{}, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return document{}, fmt.Errorf("answer broke off: %w", err)
	}
	if len(body) > maxBody {
		return document{}, fmt.Errorf("answer is longer than %d bytes", maxBody)
	}
	d := document{body: body, etag: resp.Header.Get("ETag"), fresh: freshFor(resp.Header)}
	if len(d.etag) > maxETag {
		d.etag = ""
	}
	return d, nil
}

// refusal says why an answer is not read.
func refusal(resp *http.Response) error {
	switch status := resp.StatusCode; {
	case status >= 300 && status < 400 && resp.Header.Get("Location") != "":
		return fmt.Errorf("it redirects to %.200q, and no redirect is followed: if that is the right address, configure it", resp.Header.Get("Location"))
	case status != http.StatusOK:
		return fmt.Errorf("answer has status %d: want 200", status)
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && (!strings.HasPrefix(media, "application/") || !strings.HasSuffix(media, "+json")) {
		return fmt.Errorf("answer has the content type %.80q: want application/json", resp.Header.Get("Content-Type"))
	}
	return nil
}
