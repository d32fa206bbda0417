package jwkstest

import "time"

// OktaClaims are those of an access token that an Okta custom authorization
// server issues to a client of its own (client_credentials): cid and no uid,
// scopes as an array. A user's has uid too, and the login as sub.
func OktaClaims(issuer, audience, client string, now time.Time) map[string]any {
	return map[string]any{
		"ver": 1, "jti": "AT.4Ig6bOnp9vQGzRlCXA7e1hHrmyIvjqMzR0yxMYmQz2k",
		"iss": issuer, "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"cid": client, "scp": []string{"orders:write"}, "sub": client,
	}
}

// OktaIDClaims are those of an ID token of the same server, which tells a client
// who a user is and is no access token.
func OktaIDClaims(issuer, client, user string, now time.Time) map[string]any {
	return map[string]any{
		"ver": 1, "jti": "ID.4eAWJOCMB3SX8XewDfVR", "iss": issuer, "aud": client, "sub": user,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "auth_time": now.Unix(),
		"amr": []string{"pwd"}, "idp": "00ok1u7AsAkrwdZL3z8F", "at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng", "nonce": "n-0S6_WzA2Mj",
	}
}

// AWSClaims are those of a token that AWS STS issues by GetWebIdentityToken to a
// role of an account, with its shortest ordinary life of five minutes. tags are
// pairs of name and value that the caller chose.
func AWSClaims(issuer, audience, account, role string, now time.Time, tags ...string) map[string]any {
	requested := map[string]any{}
	for n := 0; n+1 < len(tags); n += 2 {
		requested[tags[n]] = tags[n+1]
	}
	return map[string]any{
		"iss": issuer, "aud": audience, "sub": "arn:aws:iam::" + account + ":role/" + role,
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": "5f2b9c1e-6a7d-4e0f-8a56-0d3f1b7c9e42",
		"https://sts.amazonaws.com/": map[string]any{
			"aws_account": account, "source_region": "eu-central-1", "org_id": "o-abc1234567", "ou_path": "o-abc1234567/r-ab12/ou-ab12-11111111/",
			"principal_tags": map[string]any{"team": "shop"}, "request_tags": requested,
		},
	}
}

// CognitoClaims are those of an access token of an Amazon Cognito user pool: no
// aud, but client_id and token_use.
func CognitoClaims(issuer, client, user string, now time.Time) map[string]any {
	return map[string]any{
		"iss": issuer, "client_id": client, "token_use": "access", "scope": "orders/write orders/read", "sub": user, "username": "jo",
		"cognito:groups": []string{"shop"}, "version": 2, "jti": "b7c9e42d-5f2b-4e0f-9c1e-6a7d8a560d3f", "origin_jti": "0d3f1b7c-9e42-4e0f-8a56-5f2b9c1e6a7d",
		"auth_time": now.Unix(), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

// AccessClaims are those of an application token of Cloudflare Access. service
// is the client id of a service token; without it user is the id of a user.
func AccessClaims(issuer, application, user, service string, now time.Time) map[string]any {
	c := map[string]any{
		"iss": issuer, "aud": []string{application}, "type": "app", "sub": user,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	if service != "" {
		c["sub"], c["common_name"] = "", service
	} else {
		c["email"], c["identity_nonce"], c["country"] = "jo@example.com", "6ei69kawdKzMIAPF", "DE"
	}
	return c
}
