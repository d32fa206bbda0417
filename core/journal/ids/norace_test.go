//go:build !race

package ids_test

const underRace = false
