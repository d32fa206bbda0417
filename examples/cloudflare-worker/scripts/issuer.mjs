// An issuer of tokens for this machine, in place of your login: never for more.
// Its keys live as long as it runs. Every token it prints is good for an hour.
//
//   node scripts/issuer.mjs [SUBJECT..]

import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

const issuer = "http://127.0.0.1:8790";
const kid = crypto.randomUUID(); // of this run: who has the last run's key asks for this one
const { privateKey, publicKey } = await generateKeyPair("ES256");
const documents = {
  "/.well-known/openid-configuration": { issuer, jwks_uri: `${issuer}/jwks` },
  "/jwks": { keys: [{ ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" }] },
};
const server = createServer((request, response) => {
  const document = documents[request.url];
  response.writeHead(document ? 200 : 404, { "content-type": "application/json" }).end(JSON.stringify(document));
});
server.listen(8790, "127.0.0.1", async () => {
  for (const subject of process.argv.length > 2 ? process.argv.slice(2) : ["alice"]) {
    const token = await new SignJWT({ client_id: "this-machine" })
      .setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt" })
      .setIssuer(issuer)
      .setAudience("https://edge.example.com")
      .setSubject(subject)
      .setJti(crypto.randomUUID())
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(privateKey);
    console.log(`${subject}: ${token}`);
  }
});
