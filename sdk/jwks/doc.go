// Package jwks is what a provider of signed tokens is made of: it follows the
// key sets that issuers publish (RFC 7517, found by OpenID Connect Discovery
// 1.0) and gives the router trust bundles. Start with [NewKind], which makes a
// provider kind of a function from configuration to [Options]; [New] makes the
// [Provider] alone.
//
// What all providers' configurations have alike is [Terms], to embed;
// [Terms.Options] makes Options of it. examples/provider-go is a whole plugin.
//
// # Promises
//
// Issuers do not influence one another: each has its own schedule, and what one
// answers, or does not, changes nothing for the others. An issuer that was never
// fetched is left out of the bundle. Keys that were fetched stay until others
// are, however often that fails; how long they may serve without, UsableFor says.
//
// An issuer is asked again when its answer's max-age has passed, within a minute
// and an hour, after failures between one second and five minutes, and for a key
// id that nobody knows at most once in 30 seconds. A bundle that the router did not
// take goes out again each minute.
//
// A request goes where the configuration says, by https with TLS 1.2 or later,
// and nowhere else: no redirect is followed, no proxy of the environment is
// used, and an address is checked as it is connected to, so that no name can
// lead into the router's own network. It ends after 5 seconds, and no answer of
// more than 256 KiB is read.
package jwks
