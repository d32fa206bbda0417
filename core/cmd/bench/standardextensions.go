package main

import (
	"cmp"
	"slices"

	"github.com/headgate-io/headgate/sdk"
)

// listed are extensions in a flat list, as shipped.
func listed(all []sdk.Extension) inList {
	list, slab := make(inList, len(all)), make([]standardExtension, len(all))
	for i, x := range all {
		slab[i].Name, slab[i].Value, slab[i].Type = x.Name, x.Value, standardKind(x.Kind)+1
		list[i] = &slab[i]
	}
	return list
}

func unlisted(list inList) []sdk.Extension {
	all := make([]sdk.Extension, len(list))
	for i, m := range list {
		all[i] = sdk.Extension{Name: m.Name, Value: m.Value, Kind: sdk.Kind(m.Type - 1)}
	}
	if !slices.IsSortedFunc(all, byName) {
		slices.SortFunc(all, byName)
	}
	return all
}

// mapped are extensions in a map by name.
func mapped(all []sdk.Extension) inMap {
	m, slab := make(inMap, len(all)), make([]standardExtension, len(all))
	for i, x := range all {
		slab[i].Value, slab[i].Type = x.Value, standardKind(x.Kind)+1
		m[x.Name] = &slab[i]
	}
	return m
}

func unmapped(m inMap) []sdk.Extension {
	all := make([]sdk.Extension, 0, len(m))
	for name, x := range m {
		all = append(all, sdk.Extension{Name: name, Value: x.Value, Kind: sdk.Kind(x.Type - 1)})
	}
	slices.SortFunc(all, byName)
	return all
}

func byName(a, b sdk.Extension) int { return cmp.Compare(a.Name, b.Name) }
