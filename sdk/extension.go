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
