package producer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/producer"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// TestUnwelcome: a router that does not let this side in will not after further
// tries, and the error says why.
func TestUnwelcome(t *testing.T) {
	own, mine := curve.NewSecret(), curve.NewSecret()
	nobody := func(curve.Public) (zmq.Admitted, error) { return zmq.Admitted{}, errors.New("not listed") }
	r := newRouter(t, zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{own}, Admit: nobody}}, func(asked) {})
	p, _ := start(t, producer.Options{Connect: []string{r.at}, Timeout: 200 * time.Millisecond, Retries: 1 << 20,
		Security: zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{mine}, Server: own.Public()}}}, nil)
	_, err := p.Send(soon(t), event("order-1"))
	if !errors.Is(err, producer.ErrNoAnswer) || err == nil || !strings.Contains(err.Error(), "does not admit this side's key") {
		t.Fatalf("got %v", err)
	}
}
