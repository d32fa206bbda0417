package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/headgate-io/headgate/core/outbox"
)

// ErrUnreachable tells that no router answers on the socket.
var ErrUnreachable = errors.New("router cannot be reached")

// Client asks a running router. It is a Router itself.
type Client struct {
	path string
	http *http.Client
}

var _ Router = (*Client)(nil)

// NewClient returns a client of the router that owns the socket at path.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Top implements Router.
func (c *Client) Top(ctx context.Context) (t Top, err error) {
	return t, c.call(ctx, http.MethodGet, "/v1/top", nil, &t)
}

// Events implements Router.
func (c *Client) Events(ctx context.Context, f outbox.Filter) (e []Event, err error) {
	q := url.Values{}
	for name, value := range map[string]string{"channel": f.Channel, "state": string(f.State), "source": f.Source, "type": f.Type, "principal": f.Principal, "key": f.KeyID} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Held {
		q.Set("held", "true")
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	if f.After > 0 {
		q.Set("after", strconv.FormatUint(f.After, 10))
	}
	return e, c.call(ctx, http.MethodGet, "/v1/events?"+q.Encode(), nil, &e)
}

// Event implements Router.
func (c *Client) Event(ctx context.Context, key outbox.Key) (e Event, err error) {
	return e, c.call(ctx, http.MethodGet, "/v1/event?"+url.Values{"source": {key.Source}, "id": {key.ID}}.Encode(), nil, &e)
}

// Act implements Router.
func (c *Client) Act(ctx context.Context, a Act) (d Done, err error) {
	return d, c.call(ctx, http.MethodPost, "/v1/acts", a, &d)
}

func (c *Client) call(ctx context.Context, method, target string, send, receive any) error {
	var body io.Reader
	if send != nil {
		text, err := json.Marshal(send)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://headgate"+target, body)
	if err != nil {
		return err
	}
	resp, err := c.do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(receive); err != nil {
		return fmt.Errorf("router's answer: %w", err)
	}
	return nil
}

// send gives whatever is answered. The caller closes its body.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil && req.Context().Err() != nil {
		return nil, req.Context().Err()
	}
	if errors.Is(err, fs.ErrPermission) { // which is no word on whether one runs
		return nil, fmt.Errorf("router's socket %s: %w: only its own user may ask it, and root: begin with sudo -u USER", c.path, fs.ErrPermission)
	}
	if err != nil {
		return nil, fmt.Errorf("%w on %s: is it running, with this [data] dir?", ErrUnreachable, c.path)
	}
	return resp, nil
}

// do gives an answer that is one. The caller closes its body.
func (c *Client) do(req *http.Request) (*http.Response, error) {
	resp, err := c.send(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var f fault
	_ = json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(&f)
	switch resp.StatusCode {
	case http.StatusNotFound:
		return nil, &remoteError{f.Error, ErrNotFound}
	case http.StatusBadRequest:
		return nil, &remoteError{f.Error, ErrBad}
	}
	return nil, fmt.Errorf("router: %s", f.Error)
}

// remoteError keeps an error's kind across the socket.
type remoteError struct {
	text string
	kind error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.kind }
