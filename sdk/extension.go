package sdk

import "slices"

// SetExtension gives an extension attribute a value of type string, whether it
// was there or not. Its name is 1 to 20 of a-z and 0-9.
func (e *Event) SetExtension(name, value string) {
	x := Extension{Name: name, Value: value}
	i, there := e.findExtension(name)
	e.Extensions = slices.Clone(e.Extensions) // they may be shared
	if there {
		e.Extensions[i] = x
		return
	}
	e.Extensions = slices.Insert(e.Extensions, i, x)
}

// RemoveExtension takes an extension attribute away, if it is there.
func (e *Event) RemoveExtension(name string) {
	if i, there := e.findExtension(name); there {
		e.Extensions = slices.Delete(slices.Clone(e.Extensions), i, i+1)
	}
}

// Only is e without every extension but the named ones. The other members of Raw
// are cut out, and all else in it stays as it was to the byte, so that what a
// producer has signed can be verified over it again. Where e was read by
// [ParseEvent], reading the new Raw gives the same event; an error means that
// it was not. Names of extensions that e does not have do not count.
func (e *Event) Only(extensions []string) (Event, error) {
	out := *e
	out.Extensions = nil
	for _, x := range e.Extensions {
		if slices.Contains(extensions, x.Name) {
			out.Extensions = append(out.Extensions, x)
		}
	}
	s := scanner{b: e.Raw}
	if s.peek() != '{' {
		return Event{}, malformed(0, "an event is a JSON object")
	}
	members, err := s.object(1, make([]member, 0, 12))
	if err != nil {
		return Event{}, err
	}
	out.Raw = cut(e.Raw[:s.i], members, func(name string) bool {
		return isCore(name) || slices.Contains(extensions, name)
	})
	return out, nil
}

// cut takes the members that are not to be kept out of an object's text, each
// with the white space around it and one comma. Raw itself is given back when
// all stay.
func cut(raw []byte, members []member, keep func(name string) bool) []byte {
	if !slices.ContainsFunc(members, func(m member) bool { return !keep(m.name) }) {
		return raw
	}
	out := append(make([]byte, 0, len(raw)), '{')
	at := 1 // behind the brace or comma before the member
	for _, m := range members {
		s := scanner{b: raw, i: m.end}
		s.space() // up to the comma or brace behind it
		if keep(m.name) {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(out, raw[at:s.i]...)
		}
		at = s.i + 1
	}
	return append(out, '}')
}

// isCore tells the members that are no extensions (CloudEvents 1.0.2, sections
// 3.2 and 3.3, with the data).
func isCore(name string) bool {
	switch name {
	case "id", "source", "specversion", "type", "subject", "datacontenttype", "dataschema", "time", "data", "data_base64":
		return true
	}
	return false
}

// findExtension is where the named extension stands, or would.
func (e *Event) findExtension(name string) (int, bool) {
	return slices.BinarySearchFunc(e.Extensions, name, func(x Extension, name string) int {
		switch {
		case x.Name < name:
			return -1
		case x.Name > name:
			return 1
		}
		return 0
	})
}
