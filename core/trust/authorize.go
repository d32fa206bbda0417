package trust

import (
	"slices"

	"github.com/headgate-io/headgate/sdk"
)

// Requirement is what one route asks of a sender.
type Requirement struct {
	Auth   []string // any of these providers; empty for any
	Scopes []string // all of them
}

// CheckEventID asks that the one event of a request has the request's
// webhook-id for its id (bad_id). The events of a batch have ids of their own.
func (s *Snapshot) CheckEventID(id Identity, e *sdk.Event) error {
	if id.WebhookID == "" || id.WebhookID != e.ID {
		return &Refusal{Code: CodeBadID, Reason: ReasonEventIDMismatch}
	}
	return nil
}

// Authorize asks that id may send e, by its source and its type, and that it
// meets every requirement: one miss refuses the event (forbidden). The rights
// are those of this snapshot, so an identity of an earlier one counts for what
// its key is worth now (unauthenticated if nothing).
func (s *Snapshot) Authorize(id Identity, e *sdk.Event, reqs []Requirement) error {
	k := s.keys[id.KeyID]
	switch {
	case k == nil || k.principal != id.Principal:
		return &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyUnknown}
	case k.state == StateRevoked:
		return &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyRevoked}
	case k.state == StatePending:
		return &Refusal{Code: CodeUnauthenticated, Reason: ReasonKeyPending}
	case !covers(k.sources, e.Source):
		return &Refusal{Code: CodeForbidden, Reason: ReasonSourceNotGranted}
	case !covers(k.types, e.Type):
		return &Refusal{Code: CodeForbidden, Reason: ReasonTypeNotGranted}
	}
	for _, r := range reqs {
		if len(r.Auth) > 0 && !slices.Contains(r.Auth, k.principal.Provider) {
			return &Refusal{Code: CodeForbidden, Reason: ReasonProviderNotAllowed}
		}
		for _, scope := range r.Scopes {
			if !slices.Contains(k.scopes, scope) {
				return &Refusal{Code: CodeForbidden, Reason: ReasonScopeMissing}
			}
		}
	}
	return nil
}

func covers(globs []sdk.Glob, s string) bool {
	return slices.ContainsFunc(globs, func(g sdk.Glob) bool { return g.Match(s) })
}
