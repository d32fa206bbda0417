package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// result is what the router said of one event.
type result struct {
	ID         string          `json:"id"`
	StatusCode int             `json:"status_code"`
	Status     string          `json:"status"` // accepted, queued or duplicate
	State      string          `json:"state"`  // with a wait: of the event
	Code       string          `json:"code"`   // of a refusal
	Title      string          `json:"title"`
	Detail     string          `json:"detail"`
	Channels   json.RawMessage `json:"channels"`
	Receipt    string          `json:"receipt"`
	Raw        json.RawMessage `json:"-"`
}

// UnmarshalJSON accepts problem+json too, whose "status" is a number.
func (r *result) UnmarshalJSON(text []byte) error {
	var doc struct {
		ID         string          `json:"id"`
		StatusCode int             `json:"status_code"`
		Status     any             `json:"status"`
		State      string          `json:"state"`
		Code       string          `json:"code"`
		Title      string          `json:"title"`
		Detail     string          `json:"detail"`
		Channels   json.RawMessage `json:"channels"`
		Receipt    string          `json:"receipt"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	*r = result{ID: doc.ID, StatusCode: doc.StatusCode, State: doc.State, Code: doc.Code, Title: doc.Title, Detail: doc.Detail, Channels: doc.Channels, Receipt: doc.Receipt,
		Raw: bytes.Clone(text)}
	r.Status, _ = doc.Status.(string)
	return nil
}

func (r *result) good() bool {
	return r.StatusCode < http.StatusBadRequest && (r.State == "" || r.State == "done")
}

// what is one word for it.
func (r *result) what() string {
	switch {
	case r.Code != "":
		return r.Code
	case r.State != "":
		return r.State
	}
	return r.Status
}

func (r *result) note() string {
	switch {
	case r.Detail != "":
		return ": " + r.Detail
	case r.Title != "":
		return ": " + r.Title
	case len(r.Channels) > 0:
		return " " + string(r.Channels)
	}
	return ""
}

// postEvents sends events n to n+size, as one batch or alone, and gives a
// result for each.
func postEvents(ctx context.Context, p poster, n, size int, batch bool, event func(n int) (string, []byte)) ([]result, error) {
	if !batch {
		id, raw := event(n)
		got, err := p.one(ctx, id, raw)
		if err != nil {
			return nil, err
		}
		r := result{ID: id}
		if err := json.Unmarshal(got.body, &r); err != nil {
			return nil, fmt.Errorf("the door answered %d with something that is not headgate's: is it a router?", got.status)
		}
		r.ID, r.StatusCode = id, got.status
		return []result{r}, nil
	}
	texts := make([][]byte, size)
	for i := range texts {
		_, texts[i] = event(n + i)
	}
	got, err := p.batch(ctx, texts)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Results []result `json:"results"`
	}
	if got.status != http.StatusOK {
		var r result
		if err := json.Unmarshal(got.body, &r); err != nil {
			return nil, fmt.Errorf("the door answered %d with something that is not headgate's: is it a router?", got.status)
		}
		r.StatusCode = got.status
		for range size {
			doc.Results = append(doc.Results, r)
		}
		return doc.Results, nil
	}
	if err := json.Unmarshal(got.body, &doc); err != nil {
		return nil, fmt.Errorf("batch answer: %w", err)
	}
	return doc.Results, nil
}
