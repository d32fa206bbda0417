// Package supervisor keeps the plugin of one configured transform at work,
// through as many processes as that takes.
//
// Make a [Process] with New, Start it so that what only an operator can mend is
// found at once, then Run it; meanwhile call Apply with batches of events. Each
// life of a plugin's process is a generation. A generation that fails is followed
// by another after a pause; one that fails over and over is quarantined and tried
// once a minute. Replace puts a new version or a new configuration in place of
// the old one without a gap, and goes back where the new one fails.
//
// Promise: whatever a plugin does, and whatever is done to it, every wait here
// ends, and no event is lost: Apply returns an outcome for each, or an error that
// leaves all of them as they were. An event is given up only when it alone made
// the plugin fail several times, each time in a process that another event had
// just passed; see [Process.Apply].
package supervisor
