// Package ingress is headgate's doors. A door takes bytes and headers, bounds
// both, and hands a Submission to the intake; it decides nothing itself.
//
// [NewHTTP] makes the HTTP door: POST /v1/events, GET /v1/status, GET
// /.well-known/jwks.json. [OpenAPI] describes it. [NewZMQ] makes the ZeroMQ
// door, which takes events alone. One request gets one answer, the same in
// JSON, whichever the door.
package ingress
