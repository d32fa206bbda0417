package consumer_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

func Example() {
	c, err := consumer.New(consumer.Options{Connect: []string{"tcp://127.0.0.1:5555"}, Channel: "commands", Keys: consumer.KeysFromFile("keys.json")})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(c.Run(context.Background(), func(ctx context.Context, d *delivery.Delivery) (any, error) {
		fmt.Println("done", d.Event.Type, d.Event.ID, "attempt", d.Header.Attempt)
		return nil, nil
	}))
}

// Events go into a database, as many as there are in each transaction.
func ExampleConsumer_RunBatches() {
	var db *sql.DB // opened elsewhere
	c, err := consumer.New(consumer.Options{Connect: []string{"tcp://127.0.0.1:5555"}, Channel: "commands", Keys: consumer.KeysFromFile("keys.json")})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(c.RunBatches(context.Background(), 100, func(ctx context.Context, batch []*delivery.Delivery) ([]consumer.End, error) {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err // all come again
		}
		for _, d := range batch {
			_, err := tx.ExecContext(ctx, `INSERT INTO orders (source, id, data) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, d.Event.Source, d.Event.ID, d.Event.Data)
			if err != nil {
				return nil, errors.Join(err, tx.Rollback())
			}
		}
		return nil, tx.Commit() // nil: all are done
	}))
}
