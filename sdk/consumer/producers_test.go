package consumer_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/dsse"
)

var tillKey = ed25519.NewKeyFromSeed(slices.Repeat([]byte{5}, ed25519.SeedSize))

func till(t testing.TB) *consumer.Producers {
	t.Helper()
	ring, err := dsse.NewKeyring(dsse.SourceKeys{Source: "//shop.example/*", Keys: []dsse.Key{{ID: "till", Public: tillKey.Public()}}})
	if err != nil {
		t.Fatal(err)
	}
	return consumer.PinnedProducers(ring)
}

// signedOrder is order n with rest besides, signed by key as till.
func signedOrder(t testing.TB, key ed25519.PrivateKey, n int, rest string, extensions ...string) string {
	t.Helper()
	signer, err := dsse.NewSigner("till", key, extensions...)
	if err != nil {
		t.Fatal(err)
	}
	e, err := sdk.ParseEvent([]byte(`{"specversion":"1.0","id":"` + id(n) + `","source":"//shop.example/till","type":"` + eventType + `"` + rest + `}`))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(&e)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed.Raw)
}

// TestProducersVectors opens each vector's event in a delivery that its router
// has signed.
func TestProducersVectors(t *testing.T) {
	path := filepath.Join("..", "testdata", "vectors", "dsse.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Producers json.RawMessage `json:"producers"`
		Verify    []struct {
			Name, Event, Outcome, Kept string
		} `json:"verify"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "producers.json")
	if err := os.WriteFile(file, v.Producers, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRouter(t)
	trusting, doubting := r.options(), r.options()
	doubting.Producers = consumer.ProducersFromFile(file)
	for _, vector := range v.Verify {
		t.Run(vector.Name, func(t *testing.T) {
			frames := r.frame(order{event: vector.Event})
			if d, err := consumer.Open(trusting, frames); err != nil || string(d.Event.Raw) != vector.Event {
				t.Errorf("who trusts the router: %v", err)
			}
			d, err := consumer.Open(doubting, frames)
			if vector.Outcome != "ok" {
				if err == nil || !strings.HasSuffix(err.Error(), vector.Outcome) {
					t.Errorf("%v, want %s", err, vector.Outcome)
				}
				return
			}
			if vector.Kept == "" {
				vector.Kept = vector.Event
			}
			if err != nil || string(d.Event.Raw) != vector.Kept {
				t.Errorf("%v, kept %s, want %s", err, d.Event.Raw, vector.Kept)
			}
		})
	}
}

func TestProducersEachRefusalIsLeftUnacknowledged(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	o.Producers = till(t)
	var worked recorder
	c, stop := start(t, o, worked.work)
	want := map[string]uint64{}
	swap := func(raw, old, new string) string {
		if strings.Count(raw, old) != 1 {
			t.Fatalf("%s is not once in %s", old, raw)
		}
		return strings.Replace(raw, old, new, 1)
	}
	good := signedOrder(t, tillKey, 1, `,"time":"2026-11-22T10:00:00Z","data":{"n":1}`)
	for _, bad := range []struct {
		check string
		order order
	}{
		{"producer", order{n: 1}}, // not signed, which the routers' word would do for
		{"producer", order{event: swap(good, `{"n":1}`, `{"n":2}`)}},
		{"producer", order{event: swap(good, `10:00:00Z`, `10:00:01Z`)}},
		{"producer", order{event: signedOrder(t, otherKey, 1, ``)}},
		{"producer", order{event: swap(good, `//shop.example/till`, `//depot.example/till`)}},
		{"transformed", order{event: good, change: func(h *delivery.Header) {
			h.Transforms = []delivery.Transform{{Name: "mask", Version: "1"}}
		}}},
		{"transformed", order{n: 1, change: func(h *delivery.Header) {
			h.Transforms = []delivery.Transform{{Name: "mask", Version: "1"}}
		}}},
		{"topic", order{event: good, spoil: func(f [][]byte) { resign(t, f, delivery.FrameTopic, "com.example.order.deleted") }}},
		{"root", order{event: good, key: otherKey, change: func(h *delivery.Header) { h.KeyID = delivery.KeyID(public(routerKey)) }}}, // the producer's word alone
	} {
		r.deliver(bad.order)
		want[bad.check]++
	}
	r.deliver(order{event: swap(signedOrder(t, tillKey, 2, `,"time":"2026-11-22T10:00:00Z","shade":"red"`, "shade"), `"type"`, `"forged":"yes","type"`)})
	if reply := r.next(); reply.Status != delivery.StatusDone || reply.ID != id(2) {
		t.Errorf("reply is %+v", reply)
	}
	stop()
	if n := c.Counts(); !maps.Equal(n.Refused, want) || n.Opened != 1 {
		t.Errorf("opened %d, refused %v, want %v", n.Opened, n.Refused, want)
	}
	if got := worked.worked(); !slices.Equal(got, []string{id(2)}) {
		t.Errorf("worked on %v", got)
	}
	r.next() // goodbye
	r.silent()
}

func TestProducersWorkSeesWhatIsSigned(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	o.Producers = till(t)
	raw := signedOrder(t, tillKey, 1, `,"shade":"red","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"`, "shade")
	d, err := consumer.Open(o, r.frame(order{event: raw}))
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Event.Extensions; len(got) != 2 || got[0].Name != dsse.Attribute || got[1].Name != "shade" {
		t.Errorf("extensions %v", got)
	}
	if strings.Contains(string(d.Event.Raw), "traceparent") {
		t.Errorf("raw is %s", d.Event.Raw)
	}
}

func TestSubscriberTakesProducersWordOnly(t *testing.T) {
	r := newRouter(t)
	s, err := consumer.NewSubscriber(consumer.SubscriberOptions{Connect: []string{r.at}, Channel: "commands", Keys: r.options().Keys, Producers: till(t)})
	if err != nil {
		t.Fatal(err)
	}
	var worked recorder
	take := consumer.Take(s, worked.add)
	if err := take(r.frame(order{n: 1})); err != nil {
		t.Fatal(err)
	}
	if err := take(r.frame(order{event: signedOrder(t, tillKey, 2, ``)})); err != nil {
		t.Fatal(err)
	}
	if n := s.Counts(); n.Opened != 1 || n.Refused["producer"] != 1 || !slices.Equal(worked.worked(), []string{id(2)}) {
		t.Errorf("counts %+v, took %v", n, worked.worked())
	}
}

func TestProducersThatAreNoneAreRefusedAtTheStart(t *testing.T) {
	r := newRouter(t)
	for name, text := range map[string]string{"empty": ``, "nobody": `{}`, "no keys": `{"**":{"keys":[]}}`, "large": `{` + strings.Repeat(" ", 4<<20) + `}`} {
		path := filepath.Join(t.TempDir(), "producers.json")
		write(t, path, text)
		o := r.options()
		o.Producers = consumer.ProducersFromFile(path)
		if d, err := consumer.Open(o, r.frame(order{n: 1})); err == nil || d != nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "export --producers") {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := r.options()
	o.Producers = consumer.ProducersFromFile(filepath.Join(t.TempDir(), "none"))
	if _, err := consumer.Open(o, r.frame(order{n: 1})); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, nobody := range []*consumer.Producers{new(consumer.Producers), consumer.PinnedProducers(nil), consumer.ProducersFromFile("")} {
		o.Producers = nobody
		if _, err := consumer.New(o); err == nil || !strings.Contains(err.Error(), "nobody") {
			t.Errorf("consumer: %v", err)
		}
		if _, err := consumer.NewSubscriber(consumer.SubscriberOptions{Connect: o.Connect, Channel: o.Channel, Keys: o.Keys, Producers: nobody}); err == nil || !strings.Contains(err.Error(), "nobody") {
			t.Errorf("subscriber: %v", err)
		}
	}
}

// resign changes a frame and signs the delivery again, as its router.
func resign(t testing.TB, frames [][]byte, at int, text string) {
	t.Helper()
	frames[at], frames[delivery.FrameSignature] = []byte(text), nil
	if err := delivery.NewSigner(routerKey).Sign([][][]byte{frames}); err != nil {
		t.Fatal(err)
	}
}
