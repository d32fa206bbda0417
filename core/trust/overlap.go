package trust

import "github.com/headgate-io/headgate/sdk"

// meet tells that there is something which both patterns match.
func meet(a, b sdk.Glob) bool {
	one, oneRest := a.Segments()
	two, twoRest := b.Segments()
	if len(one) > len(two) {
		one, oneRest, two, twoRest = two, twoRest, one, oneRest
	}
	for i, segment := range one {
		if segment != two[i] && segment != "*" && two[i] != "*" {
			return false
		}
	}
	if len(one) < len(two) {
		return oneRest
	}
	return oneRest == twoRest // a rest has at least one segment more
}

// meetAny tells that some pattern of one list meets some of the other.
func meetAny(a, b []sdk.Glob) bool {
	for _, x := range a {
		for _, y := range b {
			if meet(x, y) {
				return true
			}
		}
	}
	return false
}
