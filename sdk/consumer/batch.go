package consumer

import (
	"context"

	"github.com/headgate-io/headgate/sdk/delivery"
)

// BatchWork acts on several events at once: in one transaction of a database,
// for example. There is at least one, none is of the same event as another, and
// they stand in the order in which they came.
//
// Its error is the reply for all of them, as that of [Work] is for one. Without
// an error, nil ends mean that all are done; else there is one end for each
// event, in the order in which they were given, and any other number has all of
// them come again.
type BatchWork func(ctx context.Context, batch []*delivery.Delivery) (ends []End, err error)

// End is what became of one event of a batch: what [Work] returns of it.
type End struct {
	Result any
	Err    error
}

// alone is work on batches of one.
func alone(work Work) BatchWork {
	return func(ctx context.Context, batch []*delivery.Delivery) ([]End, error) {
		result, err := work(ctx, batch[0])
		return []End{{result, err}}, nil
	}
}
