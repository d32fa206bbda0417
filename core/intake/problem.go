package intake

import (
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

// Code is the stable name of a refusal. Senders may branch on it.
type Code string

// The codes.
const (
	Malformed           Code = "malformed"
	BadID               Code = "bad_id"
	AmbiguousCredential Code = "ambiguous_credential"
	Unauthenticated     Code = "unauthenticated"
	Forbidden           Code = "forbidden"
	NotFound            Code = "not_found"
	Conflict            Code = "conflict"
	TooLarge            Code = "too_large"
	UnsupportedType     Code = "unsupported_type"
	NoRoute             Code = "no_route"
	ConditionError      Code = "condition_error"
	Schema              Code = "schema"
	RateLimited         Code = "rate_limited"
	Overloaded          Code = "overloaded"
	ChannelFull         Code = "channel_full"
	TrustUnavailable    Code = "trust_unavailable"
	DiskFull            Code = "disk_full"
	Draining            Code = "draining"
)

// codes tells for each code its HTTP status and what it says to a person. A
// title names neither routes nor scopes nor keys.
var codes = map[Code]struct {
	status int
	title  string
}{
	Malformed:           {400, "The event cannot be read."},
	BadID:               {400, "The event's id is not one, or is not the id that was signed."},
	AmbiguousCredential: {400, "The request shows more than one credential."},
	Unauthenticated:     {401, "The request proves nobody's identity."},
	Forbidden:           {403, "This sender may not send this."},
	NotFound:            {404, "There is no such thing here."},
	Conflict:            {409, "Another event has this source and id."},
	TooLarge:            {413, "The request is too large."},
	UnsupportedType:     {415, "The content type is not one that is taken here."},
	NoRoute:             {422, "No route takes this event."},
	ConditionError:      {422, "A condition cannot be decided for this event."},
	Schema:              {422, "The event's data does not meet its schema."},
	RateLimited:         {429, "This sender sends too fast."},
	Overloaded:          {503, "The router takes no more for now."},
	ChannelFull:         {503, "The way this event would go is full for now."},
	TrustUnavailable:    {503, "The sender's identity cannot be checked for now."},
	DiskFull:            {503, "The router's store takes nothing for now."},
	Draining:            {503, "The router is shutting down."},
}

// Codes lists every code with its HTTP status.
func Codes() map[Code]int {
	out := make(map[Code]int, len(codes))
	for c, x := range codes {
		out[c] = x.status
	}
	return out
}

// Problem is a refusal, in the terms of RFC 9457.
type Problem struct {
	Code       Code
	Detail     string // for the sender; names neither routes nor scopes nor keys
	Pointer    string // RFC 6901, with Schema
	RetryAfter int    // seconds; 0 for never
	Reason     string // fine and stable, for the log alone
}

// Error gives code and reason, for the log.
func (p *Problem) Error() string {
	if p.Reason == "" {
		return string(p.Code)
	}
	return string(p.Code) + ": " + p.Reason
}

// details are for refusals of trust whose title misleads. They say nothing of which
// credential would do.
var details = map[string]string{
	trust.ReasonEventKeyUnbound: "The headgate-event-key header is only for a token that is bound to that key (cnf), and what this request shows is not.",
}

// Status is the HTTP status.
func (p *Problem) Status() int { return codes[p.Code].status }

// Title is what the code says to a person.
func (p *Problem) Title() string { return codes[p.Code].title }

// The waits that are asked of senders, in seconds.
const (
	retrySoon = 1 // what passes by itself
	retryFull = 5 // what waits for consumers
)

// problemOf makes a problem of whatever a step refused with.
func problemOf(err error) *Problem {
	var (
		problem   *Problem
		refusal   *trust.Refusal
		condition *route.ConditionError
		schema    *route.SchemaError
	)
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &refusal):
		return &Problem{Code: Code(refusal.Code), Detail: details[refusal.Reason], RetryAfter: refusal.RetryAfter, Reason: refusal.Reason}
	case errors.Is(err, sdk.ErrBadID):
		return &Problem{Code: BadID, Detail: err.Error(), Reason: "event_id"}
	case errors.Is(err, sdk.ErrBatchSize):
		return &Problem{Code: TooLarge, Detail: err.Error(), Reason: "batch_size"}
	case errors.Is(err, sdk.ErrMalformed):
		return &Problem{Code: Malformed, Detail: err.Error(), Reason: "strict_reading"}
	case errors.Is(err, route.ErrNoRoute):
		return &Problem{Code: NoRoute}
	case errors.As(err, &condition):
		return &Problem{Code: ConditionError, Reason: condition.Key}
	case errors.As(err, &schema):
		return &Problem{Code: Schema, Detail: schema.Text, Pointer: schema.Pointer, Reason: schema.Route}
	case errors.Is(err, outbox.ErrChannelFull):
		return &Problem{Code: ChannelFull, RetryAfter: retryFull, Reason: err.Error()}
	case errors.Is(err, outbox.ErrFull), errors.Is(err, outbox.ErrDiskFull):
		return &Problem{Code: DiskFull, RetryAfter: retryFull, Reason: err.Error()}
	case errors.Is(err, outbox.ErrFailing):
		return &Problem{Code: DiskFull, RetryAfter: retryFull, Reason: "disk failing"}
	case errors.Is(err, outbox.ErrBusy):
		return &Problem{Code: Overloaded, RetryAfter: retrySoon, Reason: err.Error()}
	case errors.Is(err, outbox.ErrNotFound):
		return &Problem{Code: NotFound}
	case errors.Is(err, outbox.ErrClosed):
		return &Problem{Code: Draining, RetryAfter: retryFull}
	default: // the outbox does not say what it did: the same id may be sent again
		return &Problem{Code: Overloaded, RetryAfter: retryFull, Reason: err.Error()}
	}
}

func malformedf(format string, args ...any) *Problem {
	return &Problem{Code: Malformed, Detail: fmt.Sprintf(format, args...)}
}
