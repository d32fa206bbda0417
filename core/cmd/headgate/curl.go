package main

import "strings"

// curlTemplate signs and posts one event with nothing but a shell, openssl and
// curl (Standard Webhooks 1.0, "v1").
const curlTemplate = `  secret=$(sed -n "s/^secret *= *[\"']whsec_\([^\"']*\).*/\1/p" FILE | base64 -d | od -An -v -tx1 | tr -d ' \n')
  id=curl-$(date +%s)-$$ ; ts=$(date +%s)
  body='{"specversion":"1.0","id":"'$id'","source":"//demo/curl","type":"com.example.order.created","data":{"amount":12.5}}'
  sig=$(printf '%s.%s.%s' "$id" "$ts" "$body" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$secret -binary | base64)
  curl -s TO/v1/events -H 'content-type: application/cloudevents+json' -H 'headgate-key-id: KEYID' \
    -H "webhook-id: $id" -H "webhook-timestamp: $ts" -H "webhook-signature: v1,$sig" -d "$body"
`

func curlLines(to, file, keyID string) string {
	return strings.NewReplacer("FILE", file, "TO", to, "KEYID", keyID).Replace(curlTemplate)
}
