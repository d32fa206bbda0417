package admin

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// PartLevel is what one part of the router writes into its log.
type PartLevel struct {
	Part       string    `json:"part"`
	Level      string    `json:"level"`      // debug, info, warn or error
	Configured string    `json:"configured"` // what it goes back to
	Until      time.Time `json:"until,omitzero"`
	LeftOut    uint64    `json:"left_out"` // lines since the start, of floods
}

// LevelChange sets the level of a part.
type LevelChange struct {
	Part    string `json:"part"`
	Level   string `json:"level"`
	Seconds int    `json:"seconds,omitempty"` // then it goes back by itself; 0 for never
	Why     string `json:"why"`
}

func (s *Server) setLevel(r *http.Request) (any, error) {
	var c LevelChange
	if err := read(r, &c); err != nil {
		return nil, err
	}
	if c.Why == "" {
		return nil, errNoReason
	}
	detail := map[string]string{"part": c.Part, "to": c.Level, "seconds": strconv.Itoa(c.Seconds)}
	err := s.audited(r.Context(), Record{Verb: "log.level", Why: c.Why, Detail: detail}, func() (int, error) {
		return 1, s.o.Router.SetLevel(r.Context(), c)
	})
	return struct{}{}, err
}

// Levels implements Router.
func (c *Client) Levels(ctx context.Context) (l []PartLevel, err error) {
	return l, c.call(ctx, http.MethodGet, "/v1/log", nil, &l)
}

// SetLevel implements Router.
func (c *Client) SetLevel(ctx context.Context, to LevelChange) error {
	return c.call(ctx, http.MethodPost, "/v1/log", to, &struct{}{})
}
