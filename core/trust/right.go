package trust

import (
	"errors"
	"fmt"
	"slices"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
)

// rights are what one key or one grant lets its holder send. They are a unit: a
// source of one and a type of another make no right.
type rights struct {
	sources []sdk.Glob
	types   []sdk.Glob
	scopes  []string
}

func newRights(sources, types, scopes []string) (*rights, error) {
	if slices.Contains(scopes, "") {
		return nil, errors.New("a scope is empty")
	}
	s, err := globs("sources", sources, sdk.SourceSeparator)
	if err != nil {
		return nil, err
	}
	t, err := globs("types", types, sdk.TypeSeparator)
	if err != nil {
		return nil, err
	}
	return &rights{sources: s, types: t, scopes: slices.Clone(scopes)}, nil
}

func globs(field string, patterns []string, sep string) ([]sdk.Glob, error) {
	var out []sdk.Glob
	for _, p := range patterns {
		g, err := sdk.ParseGlob(p, sep)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		out = append(out, g)
	}
	return out, nil
}

func covers(globs []sdk.Glob, s string) bool {
	return slices.ContainsFunc(globs, func(g sdk.Glob) bool { return g.Match(s) })
}

// holder is somebody with rights: any of them, but no scope that the token lacks
// where its issuer's tokens carry scopes.
type holder struct {
	rights []*rights
	token  *jwt.Token // nil for a key
}

// covering gives those of the rights that cover source and type, or the reason
// why none does.
func (h holder) covering(e *sdk.Event) ([]*rights, string) {
	if len(h.rights) == 0 {
		return nil, ReasonNoGrant
	}
	reason := ReasonSourceNotGranted
	var able []*rights
	for _, r := range h.rights {
		if !covers(r.sources, e.Source) {
			continue
		}
		reason = ReasonTypeNotGranted
		if covers(r.types, e.Type) {
			able = append(able, r)
		}
	}
	return able, reason
}

// meets tells that one of the rights has all the scopes.
func (h holder) meets(able []*rights, scopes []string) bool {
	if t := h.token; t != nil && t.HasScopes && !within(scopes, t.Scopes) {
		return false
	}
	return slices.ContainsFunc(able, func(r *rights) bool { return within(scopes, r.scopes) })
}

func within(list, all []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(all, s) })
}
