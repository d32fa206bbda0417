package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Checked is what a running router finds wrong with what it has stored.
type Checked struct {
	Faults []string `json:"faults"` // none when all is well
}

// Copy asks for a backup.
type Copy struct {
	Dir string `json:"dir"` // absolute; new, or empty
	Why string `json:"why,omitempty"`
}

// dataRoutes are about the data directory as a whole.
func (s *Server) dataRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/verify", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, func() (any, error) { return s.router.Verify(r.Context()) })
	})
	mux.HandleFunc("POST /v1/backup", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, func() (any, error) {
			var c Copy
			d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
			d.DisallowUnknownFields()
			if err := d.Decode(&c); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrBad, err)
			}
			err := s.router.Backup(r.Context(), c)
			s.log.Info().Str("verb", "backup").Str("dir", c.Dir).Str("why", c.Why).AnErr("failed", err).Msg("operator")
			return struct{}{}, err
		})
	})
}

// Verify implements Router.
func (c *Client) Verify(ctx context.Context) (v Checked, err error) {
	return v, c.call(ctx, http.MethodPost, "/v1/verify", struct{}{}, &v)
}

// Backup implements Router.
func (c *Client) Backup(ctx context.Context, to Copy) error {
	return c.call(ctx, http.MethodPost, "/v1/backup", to, &struct{}{})
}
