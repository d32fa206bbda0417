// Package dsse signs events end to end and verifies them: CloudEvents
// verifiability with DSSE, v0.1 (CloudEvents, extensions/verifiability.md; DSSE
// protocol and envelope 1.0.2), in the event's own extension dssematerial. It
// speaks structured JSON, ES256 and Ed25519.
//
// A producer starts with [NewSigner] and signs each event once. Who verifies
// starts with [NewKeyring], or [Verify] with the keys that may sign for the
// event's source, and then acts on what [Verified.Only] leaves of the event.
//
// What is promised: an event that verifies has the id, source, type, subject,
// datacontenttype, dataschema and data, to the byte, and the second of time
// that its signer gave it, and each extension that [Verified] names has the
// value that its signer gave it.
//
// What is not, by the specification:
//
//   - a signed event may come any number of times: know it by (source, id);
//   - a signature can be taken away whole: who needs one must ask for it;
//   - fractions of a second of time may differ, and its zone;
//   - of an extension, absent and empty look alike, and 7 and "7";
//   - data and data_base64 of the same bytes look alike;
//   - extensions that are not named may be anything.
//
// Data is signed as [sdk.Event] has it: JSON text to the byte, without the white
// space around it. In JSON every extension that is text counts as a CloudEvents String: one that
// another library signed as a Timestamp or Binary verifies only where that
// makes no difference. The signature itself is no name of an event: for ES256
// there is always a second one that verifies too.
package dsse

// Attribute is the extension that holds a signature.
const Attribute = "dssematerial"

// PayloadType names the one version of the format that is read and written.
const PayloadType = "https://cloudevents.io/verifiability/dsse/v0.1"

// MaxSignatures is how many signatures one event may have: each may cost one
// check for every key that may sign for its source. One that verifies suffices.
const MaxSignatures = 4
