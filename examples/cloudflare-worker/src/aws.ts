import { AwsClient } from "aws4fetch";
import { decodeJwt } from "jose";
import { ask, type Token, unavailable } from "./token.ts";

export interface AwsOptions {
  /** STS gives these tokens at regional endpoints alone. */
  region: string;
  /** What the router's plugin awsiam has under audiences. */
  audience: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

const LIFE = 300; // s; STS gives 60 to 3600

/**
 * Gives tokens of AWS STS for the identity that the keys belong to, by
 * GetWebIdentityToken. The router's plugin awsiam takes them: their subject is
 * the ARN of the role or user.
 */
export function aws(o: AwsOptions): () => Promise<Token> {
  const { accessKeyId, secretAccessKey, sessionToken, region } = o;
  const client = new AwsClient({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }), region, service: "sts" });
  return async () => {
    const request = await client.sign(`https://sts.${region}.amazonaws.com/`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        Action: "GetWebIdentityToken",
        Version: "2011-06-15",
        "Audience.member.1": o.audience,
        SigningAlgorithm: "ES384",
        DurationSeconds: String(LIFE),
      }).toString(),
    });
    return parse(await ask("aws", request));
  };
}

/** Reads the answer of STS, in XML. */
function parse(text: string): Token {
  const value = /<WebIdentityToken>([\w-]+\.[\w-]+\.[\w-]+)<\/WebIdentityToken>/.exec(text)?.[1];
  try {
    const { exp } = decodeJwt(value ?? "");
    if (value !== undefined && exp !== undefined) return { value, expires: exp * 1000 };
  } catch {
    // then it is no token
  }
  throw unavailable("aws", "the answer has no token");
}
