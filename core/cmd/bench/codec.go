package main

import (
	"context"

	"google.golang.org/grpc"

	"github.com/headgate-io/headgate/sdk"
)

// codec is one way to put the calls of a transform into bytes.
type codec interface {
	// transform gives the transform at the far end of a connection.
	transform(*grpc.ClientConn) sdk.Transform
	// method is that far end.
	method() grpc.MethodDesc
}

// converters are a codec whose requests are a Q and whose answers are an A.
type converters[Q, A any] struct {
	name     string
	request  func([]sdk.Input) *Q
	inputs   func(*Q) []sdk.Input
	answer   func([]sdk.Outcome) *A
	outcomes func(*A) []sdk.Outcome
	options  []grpc.CallOption
}

const codecsService = "bench.Codecs"

func (c *converters[Q, A]) transform(cc *grpc.ClientConn) sdk.Transform {
	return &farTransform[Q, A]{c, cc}
}

// method is a transform that replaces every event.
func (c *converters[Q, A]) method() grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: c.name, Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		q := new(Q)
		if err := decode(q); err != nil {
			return nil, err
		}
		return c.answer(replaced(c.inputs(q))), nil
	}}
}

func replaced(in []sdk.Input) []sdk.Outcome {
	out := make([]sdk.Outcome, len(in))
	for i, one := range in {
		one.Event.DataSchema = replacedSchema
		out[i] = sdk.Outcome{Verdict: sdk.Replace, Event: one.Event}
	}
	return out
}

// farTransform calls a codec's method.
type farTransform[Q, A any] struct {
	*converters[Q, A]
	cc *grpc.ClientConn
}

// Transform implements sdk.Transform.
func (t *farTransform[Q, A]) Transform(ctx context.Context, in []sdk.Input) ([]sdk.Outcome, error) {
	a := new(A)
	if err := t.cc.Invoke(ctx, "/"+codecsService+"/"+t.name, t.request(in), a, t.options...); err != nil {
		return nil, err
	}
	return t.outcomes(a), nil
}
