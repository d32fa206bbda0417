package admin

import (
	"context"
	"net/http"
)

// Checked is what a running router finds wrong with what it has stored.
type Checked struct {
	Faults []string `json:"faults"` // none when all is well
}

// Copy asks for a backup.
type Copy struct {
	Dir string `json:"dir"` // absolute; new, or empty
	Why string `json:"why"`
}

func (s *Server) backup(r *http.Request) (any, error) {
	var c Copy
	if err := read(r, &c); err != nil {
		return nil, err
	}
	if c.Why == "" {
		return nil, errNoReason
	}
	err := s.audited(r.Context(), Record{Verb: "backup", Why: c.Why, Detail: map[string]string{"dir": c.Dir}}, func() (int, error) {
		return 0, s.o.Router.Backup(r.Context(), c)
	})
	return struct{}{}, err
}

// Verify implements Router.
func (c *Client) Verify(ctx context.Context) (v Checked, err error) {
	return v, c.call(ctx, http.MethodPost, "/v1/verify", struct{}{}, &v)
}

// Backup implements Router.
func (c *Client) Backup(ctx context.Context, to Copy) error {
	return c.call(ctx, http.MethodPost, "/v1/backup", to, &struct{}{})
}
