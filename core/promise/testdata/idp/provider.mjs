// An OpenID Provider that nobody here wrote: the npm package oidc-provider, with
// what a router's tests need of one. It gives access tokens for client
// credentials (private_key_jwt, ES256), bound to a key where a DPoP proof comes.
//
//   node provider.mjs '{"clients":{"edge":{"kty":"EC",...}},"audiences":["api://headgate"]}'
//
// It prints {"issuer":URL} on a line of its own, answers each line on stdin with
// a line, and ends with stdin:
//
//   {"announce":n}   publishes n more keys, which nothing is signed with yet
//   {"rotate":true}  signs with the next of them, or with a new one; the old stay
//   {"drop":true}    takes away those that were in use before
//   {}               tells the keys: {"kids":[published],"signing":kid,"fetched":times}
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { createInterface } from 'node:readline';

console.info = console.error; // stdout has lines of JSON alone
URL.parse ??= (text) => (URL.canParse(text) ? new URL(text) : null); // Node 22 has it, and the package wants it
const { Provider } = await import('oidc-provider');

const {
  clients, // public JWK by client id
  audiences, // which may be asked for, as RFC 8707's resource
  scopes = ['orders:write', 'orders:read'],
  alg = 'ES256', // of access tokens; or RS256
  path = '', // of the issuer
  okta = false, // the claims of access tokens are those of an Okta authorization server
  ttl = 600, // of access tokens, in seconds
  maxAge = 0, // of the keys, in seconds; 0 to say nothing
  port = 0,
} = JSON.parse(process.argv[2]);

let serial = 0;
const newKey = (its) => {
  const { privateKey } = its === 'ES256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  serial += 1;
  return { ...privateKey.export({ format: 'jwk' }), kid: `${its.toLowerCase()}-${serial}`, alg: its, use: 'sig' };
};

// keys are in the order of their use; keys[now] is the one that signs.
const keys = [newKey(alg)];
let now = 0;
const others = ['ES256', 'RS256'].filter((other) => other !== alg).map(newKey); // published, of another algorithm

// oktaClaims are those of developer.okta.com/docs/reference/api/oidc, for a
// token to which no user is bound.
const oktaClaims = ({ iss, aud, iat, exp, jti, client_id: cid, scope = '', cnf }) => ({
  ver: 1, jti: `AT.${jti}`, iss, aud, iat, exp, cid, scp: scope.split(' ').filter(Boolean), sub: cid, ...(cnf && { cnf }),
});

// provide makes a provider with the keys of this moment. Access tokens are not
// kept, so the next one takes over in one step.
const provide = (issuer) => new Provider(issuer, {
  clients: Object.entries(clients).map(([id, jwk]) => ({
    client_id: id,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [jwk] },
  })),
  jwks: { keys: [keys[now], ...keys.filter((_, i) => i !== now), ...others] },
  scopes,
  ttl: { ClientCredentials: ttl },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => {
        if (!audiences.includes(resource)) throw new Error(`${resource} is no audience here`);
        return { audience: resource, scope: scopes.join(' '), accessTokenFormat: 'jwt', accessTokenTTL: ttl, jwt: { sign: { alg, kid: keys[now].kid } } };
      },
    },
  },
  formats: { customizers: { jwt: (_, token, jwt) => { if (okta) jwt.payload = oktaClaims(jwt.payload); } } },
});

let answer; // the provider's request listener
let fetched = 0; // how often the keys were
const server = createServer((req, res) => {
  if (!req.url.startsWith(`${path}/`)) {
    res.writeHead(404).end();
    return;
  }
  req.originalUrl = req.url; // as the routers that it can be mounted in have it
  req.url = req.url.slice(path.length);
  if (req.url === '/jwks') {
    fetched += 1;
    if (maxAge) res.setHeader('Cache-Control', `max-age=${maxAge}`);
  }
  answer(req, res);
});
await new Promise((resolve) => { server.listen(port, '127.0.0.1', resolve); });
const issuer = `http://127.0.0.1:${server.address().port}${path}`;
const publish = () => { answer = provide(issuer).callback(); };
publish();
console.log(JSON.stringify({ issuer }));

for await (const line of createInterface({ input: process.stdin })) {
  const { announce = 0, rotate, drop } = JSON.parse(line);
  for (let i = 0; i < announce; i += 1) keys.push(newKey(alg));
  if (rotate) {
    if (now + 1 === keys.length) keys.push(newKey(alg));
    now += 1;
  }
  if (drop) now -= keys.splice(0, now).length;
  publish();
  console.log(JSON.stringify({ kids: [...keys, ...others].map(({ kid }) => kid), signing: keys[now].kid, fetched }));
}
process.exit(0);
