import { bearer, type Credential, ed25519, hmac } from "@headgate/edge";
import { aws } from "./aws.ts";
import { bound, type Env, Unbound } from "./env.ts";
import { okta } from "./okta.ts";
import { cached } from "./token.ts";

/** How this Worker proves itself to the router, as CREDENTIAL says. Throws Unbound. */
export function credentialOf(env: Env): Credential {
  switch (env.CREDENTIAL ?? "hmac") {
    case "hmac":
      return hmac(bound(env, "ROUTER_KEY"), bound(env, "ROUTER_KEY_ID"));
    case "ed25519":
      return ed25519(bound(env, "ROUTER_KEY"), bound(env, "ROUTER_KEY_ID"));
    case "okta":
      return bearer(
        cached(
          okta({
            issuer: bound(env, "OKTA_ISSUER"),
            clientId: bound(env, "OKTA_CLIENT_ID"),
            scope: bound(env, "OKTA_SCOPE"),
            key: bound(env, "OKTA_KEY"),
          }),
        ),
      );
    case "aws":
      return bearer(
        cached(
          aws({
            region: bound(env, "AWS_REGION"),
            audience: bound(env, "AWS_AUDIENCE"),
            accessKeyId: bound(env, "AWS_ACCESS_KEY_ID"),
            secretAccessKey: bound(env, "AWS_SECRET_ACCESS_KEY"),
            ...(env.AWS_SESSION_TOKEN && { sessionToken: env.AWS_SESSION_TOKEN }),
          }),
        ),
      );
    default: // and never a weaker one that was not asked for
      throw new Unbound("CREDENTIAL as hmac, ed25519, okta or aws");
  }
}
