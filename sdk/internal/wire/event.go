package wire

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// ToEvents gives of each event what a kind needs. The messages alias the events.
func ToEvents(in []sdk.Input, needs sdk.Needs) []*pb.Event {
	events, slab := make([]*pb.Event, len(in)), make([]pb.Event, len(in))
	for i := range in {
		events[i] = &slab[i]
		toEvent(&slab[i], in[i].Event, needs)
		if p := in[i].Principal; needs.Principal && p != nil {
			slab[i].Principal = &pb.Principal{Provider: p.Provider, Issuer: p.Issuer, Subject: p.Subject}
		}
	}
	return events
}

func toEvent(m *pb.Event, e *sdk.Event, needs sdk.Needs) {
	m.Id, m.Source, m.Type, m.Subject, m.Time = e.ID, e.Source, e.Type, e.Subject, e.Time
	m.DataContentType, m.DataSchema = e.DataContentType, e.DataSchema
	if needs.Data && e.Data != nil {
		m.Data, m.DataIsJson = e.Data, e.DataIsJSON
	}
	if needs.Extensions && len(e.Extensions) > 0 {
		slab := make([]pb.Extension, len(e.Extensions))
		m.Extensions = make([]*pb.Extension, len(e.Extensions))
		for i, x := range e.Extensions {
			slab[i].Name, slab[i].Value, slab[i].Type = x.Name, x.Value, pb.Extension_Type(x.Kind)+1
			m.Extensions[i] = &slab[i]
		}
	}
}

// FromEvents reads the events of a request. They alias the messages' data.
func FromEvents(events []*pb.Event) ([]sdk.Input, error) {
	in, slab := make([]sdk.Input, len(events)), make([]sdk.Event, len(events))
	for i, m := range events {
		if err := fromEvent(&slab[i], m); err != nil {
			return nil, err
		}
		in[i].Event = &slab[i]
		if p := m.GetPrincipal(); p != nil {
			in[i].Principal = &sdk.Principal{Provider: p.Provider, Issuer: p.Issuer, Subject: p.Subject}
		}
	}
	return in, nil
}

func fromEvent(e *sdk.Event, m *pb.Event) error {
	if m == nil {
		return breach("an event is nil")
	}
	e.ID, e.Source, e.SpecVersion, e.Type, e.Subject, e.Time = m.Id, m.Source, "1.0", m.Type, m.Subject, m.Time
	e.DataContentType, e.DataSchema = m.DataContentType, m.DataSchema
	e.Data, e.DataIsJSON = m.Data, m.DataIsJson
	if e.DataIsJSON && e.Data == nil {
		return breach("event %q says that its data is JSON and has no data", m.Id)
	}
	if len(m.Extensions) == 0 {
		return nil
	}
	e.Extensions = make([]sdk.Extension, len(m.Extensions))
	for i, x := range m.Extensions {
		if x.GetType() < pb.Extension_TYPE_STRING || x.GetType() > pb.Extension_TYPE_BOOLEAN {
			return breach("extension %q of event %q has the unknown type %d", x.GetName(), m.Id, x.GetType())
		}
		e.Extensions[i] = sdk.Extension{Name: x.Name, Value: x.Value, Kind: sdk.Kind(x.Type - 1)}
	}
	byName := func(a, b sdk.Extension) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(e.Extensions, byName) {
		slices.SortFunc(e.Extensions, byName)
	}
	for i := 1; i < len(e.Extensions); i++ {
		if e.Extensions[i].Name == e.Extensions[i-1].Name {
			return breach("event %q has the extension %q twice", m.Id, e.Extensions[i].Name)
		}
	}
	return nil
}

// Size is how many bytes an event takes in a request.
func Size(m *pb.Event) int {
	const field = 6 // tag and length, of less than 256 MiB
	return proto.Size(m) + field
}
