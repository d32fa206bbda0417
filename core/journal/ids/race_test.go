//go:build race

package ids_test

// underRace tells that the race detector slows everything tenfold.
const underRace = true
