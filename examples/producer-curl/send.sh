#!/bin/sh
# Signs one event with openssl and posts it with curl (Standard Webhooks 1.0).
#   send.sh http://127.0.0.1:8080 keys/edge-1.toml com.example.order.created '{"amount":12.5}'
# For trying: openssl is given the secret as an argument, which others on the
# machine may see in the process list.
set -eu
if [ $# -lt 2 ]; then
  echo "usage: $0 DOOR KEYFILE [TYPE [DATA]]" >&2
  exit 2
fi
door=${1%/} key=$2 type=${3:-com.example.order.created} data=${4:-'{"amount":12.5}'}

field() { sed -n "s/^$1 *= *[\"']\([^\"']*\)[\"'].*/\1/p" "$key"; }
key_id=$(field id)
secret=$(field secret | sed 's/^whsec_//' | base64 -d | od -An -v -tx1 | tr -d ' \n')

id=curl-$(date +%s)-$$
ts=$(date +%s)
body='{"specversion":"1.0","id":"'$id'","source":"//shop.example/curl","type":"'$type'","data":'$data'}'
signature=$(printf '%s.%s.%s' "$id" "$ts" "$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$secret" -binary | base64)

curl -sS --fail-with-body "$door/v1/events" \
  -H 'content-type: application/cloudevents+json' -H "headgate-key-id: $key_id" \
  -H "webhook-id: $id" -H "webhook-timestamp: $ts" -H "webhook-signature: v1,$signature" \
  -d "$body" && echo
