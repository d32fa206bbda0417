package zmq_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// Every request is answered to its own peer, and spread over the routers.
func TestDealersAndRouters(t *testing.T) {
	const dealers, requests = 3, 200
	var routers []*zmq.Router
	var endpoints []string
	for i := range 2 {
		r := zmq.NewRouter(zmq.Options{})
		endpoints = append(endpoints, listen(t, r))
		run(t, r)
		routers = append(routers, r)
		go func() {
			for {
				got, err := r.Recv(soon(t))
				if err != nil {
					return
				}
				got.Peer.Send(append(got.Frames, []byte(fmt.Sprint("router ", i))))
			}
		}()
	}
	var going sync.WaitGroup
	for i := range dealers {
		d := zmq.NewDealer(zmq.Options{Identity: fmt.Sprint("dealer ", i)})
		for _, e := range endpoints {
			connect(t, d, e)
		}
		run(t, d)
		await(t, "both routers", func() bool { return d.Stats().Peers == 2 })
		going.Go(func() {
			by := map[string]int{}
			for n := range requests {
				if err := d.Send(soon(t), message(fmt.Sprint(i, " ", n))); err != nil {
					t.Error(err)
					return
				}
			}
			seen := map[string]bool{}
			for range requests {
				got, err := d.Recv(soon(t))
				if err != nil {
					t.Error(err)
					return
				}
				var dealer, n int
				if _, err := fmt.Sscan(string(got.Frames[0]), &dealer, &n); err != nil || dealer != i || seen[string(got.Frames[0])] {
					t.Errorf("dealer %d got %s", i, text(got.Frames))
				}
				seen[string(got.Frames[0])] = true
				by[string(got.Frames[1])]++
			}
			if by["router 0"] != requests/2 || by["router 1"] != requests/2 {
				t.Errorf("not in turn: %v", by)
			}
		})
	}
	going.Wait()
	names := map[string]bool{}
	for _, p := range routers[0].Peers() {
		names[p.Identity()] = true
	}
	if len(names) != dealers || !names["dealer 0"] {
		t.Errorf("%v", names)
	}
}

func withIdentity(kind, identity string) []byte {
	return rawCommand("READY", property("Socket-Type", kind)+property("Identity", identity))
}

func TestIdentityIsTakenOnce(t *testing.T) {
	var events observed
	router := zmq.NewRouter(zmq.Options{Observe: events.add})
	endpoint := listen(t, router)
	run(t, router)
	first := dialRaw(t, endpoint)
	first.write(join(rawGreeting(0), withIdentity("DEALER", "billing")))
	await(t, "the first", func() bool { return router.Stats().Peers == 1 })
	thief := dialRaw(t, endpoint)
	thief.write(join(rawGreeting(0), withIdentity("DEALER", "billing")))
	thief.ended()
	await(t, "the refusal", func() bool { return events.has(zmq.Refused, zmq.ReasonIdentity) })
	_ = first.Close()
	await(t, "its end", func() bool { return router.Stats().Peers == 0 })
	next := dialRaw(t, endpoint)
	next.write(join(rawGreeting(0), withIdentity("DEALER", "billing")))
	await(t, "the next", func() bool { return router.Stats().Peers == 1 })
}

// A name belongs to the key that declares it: another key neither takes it nor
// keeps its owner out.
func TestIdentityIsBoundToTheKey(t *testing.T) {
	server := curve.NewSecret()
	router := zmq.NewRouter(zmq.Options{Security: curveServer(zmq.AdmitAny, server)})
	endpoint := listen(t, router)
	run(t, router)
	for range 2 {
		d := zmq.NewDealer(zmq.Options{Identity: "billing", Security: curveClient(curve.NewSecret(), server.Public())})
		connect(t, d, endpoint)
		run(t, d)
	}
	await(t, "both", func() bool { return router.Stats().Peers == 2 })
	peers := router.Peers()
	if peers[0].Identity() != "billing" || peers[1].Identity() != "billing" || peers[0].Key() == peers[1].Key() {
		t.Error("not two keys with one name each")
	}
	if s := router.Stats(); s.Refused != 0 {
		t.Errorf("%+v", s)
	}
}
