package admin_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/admin"
)

// TestRoles: every path with every role, and with none.
func TestRoles(t *testing.T) {
	r := start(t, nil)
	const act, none = `{"verb":"pause","channel":"c","why":"w"}`, ""
	for _, c := range []struct {
		method, path, body                   string
		open, nobody, read, operate, payload int
	}{
		{"GET", "/livez", none, 200, 200, 200, 200, 200},
		{"GET", "/readyz", none, 200, 200, 200, 200, 200},
		{"GET", "/metrics", none, 200, 200, 200, 200, 200},
		{"GET", "/v1/top", none, 401, 401, 200, 200, 200},
		{"GET", "/v1/events", none, 401, 401, 200, 200, 200},
		{"GET", "/v1/event?id=one", none, 401, 401, 200, 200, 200},
		{"GET", "/v1/event?id=two", none, 401, 401, 404, 404, 404},
		{"GET", "/v1/keys", none, 401, 401, 200, 200, 200},
		{"GET", "/v1/log", none, 401, 401, 200, 200, 200},
		{"GET", "/v1/tail?payload=true&type=a*", none, 401, 401, 403, 403, 400}, // a bad glob: it does not stream
		{"GET", "/v1/tail?type=a*", none, 401, 401, 400, 400, 400},
		{"POST", "/v1/acts", act, 401, 401, 403, 200, 403},
		{"POST", "/v1/log", `{"part":"intake","level":"debug","why":"w"}`, 401, 401, 403, 200, 403},
		{"POST", "/v1/reload", `{"why":"w"}`, 401, 401, 403, 200, 403},
		{"POST", "/v1/verify", "{}", 401, 401, 403, 200, 403},
		{"POST", "/v1/backup", `{"dir":"/x","why":"w"}`, 401, 401, 403, 403, 403},
		{"GET", "/debug/pprof/", none, 401, 401, 403, 200, 403},
		{"GET", "/debug/pprof/heap", none, 401, 401, 403, 200, 403},
		{"GET", "/debug/pprof/cmdline", none, 401, 401, 403, 200, 403},
		{"GET", "/v1/none", none, 401, 401, 404, 404, 404},
		{"DELETE", "/v1/top", none, 401, 401, 405, 405, 405},
		{"POST", "/livez", none, 405, 405, 405, 405, 405},
		{"GET", "/", none, 404, 404, 404, 404, 404},
	} {
		for _, as := range []struct {
			secret string
			want   int
		}{{"", c.open}, {strings.Repeat("x", 40), c.nobody}, {readSecret, c.read}, {operateSecret, c.operate}, {payloadSecret, c.payload}} {
			if got, _, text := r.ask(c.method, c.path, c.body, bearer(as.secret)); got != as.want {
				t.Errorf("%s %s with %.7q: %d %s, want %d", c.method, c.path, as.secret, got, text, as.want)
			}
		}
	}
	if want := []string{"pause", "level intake", "reload", "verify"}; !slices.Equal(r.router.done(), want) {
		t.Errorf("acts %q, want %q", r.router.done(), want)
	}
}

// TestPayloads: what events hold is for one role alone, and reading it is on record.
func TestPayloads(t *testing.T) {
	r := start(t, nil)
	for secret, shown := range map[string]bool{readSecret: false, operateSecret: false, payloadSecret: true} {
		for _, path := range []string{"/v1/event?id=one", "/v1/events"} {
			_, _, text := r.ask("GET", path, "", bearer(secret))
			if !strings.Contains(text, `"id":"one"`) || strings.Contains(text, "4111") != shown || strings.Contains(text, `"raw"`) != shown {
				t.Errorf("%s with %.7s: %s", path, secret, text)
			}
		}
	}
	records, _ := r.ledger.taken()
	if len(records) != 2 {
		t.Fatalf("records are %+v", records)
	}
	for i, verb := range []string{"payload.show", "payload.list"} {
		if of := records[i]; of.Verb != verb || of.Actor != "token:t-payload" || of.Events[0].ID != "one" || of.Outcome != admin.Allowed {
			t.Errorf("record %d is %+v", i, of)
		}
	}
	// And without a record nothing is shown.
	r.ledger.err = errTest
	for _, path := range []string{"/v1/event?id=one", "/v1/events"} {
		if status, _, text := r.ask("GET", path, "", bearer(payloadSecret)); status != 500 || strings.Contains(text, "4111") {
			t.Errorf("%s unrecorded: %d %s", path, status, text)
		}
		if status, _, _ := r.ask("GET", path, "", bearer(readSecret)); status != 200 {
			t.Errorf("%s without payloads: %d", path, status)
		}
	}
}

// TestCredentials: one of them, whole, or nobody.
func TestCredentials(t *testing.T) {
	r := start(t, nil)
	for name, c := range map[string]struct {
		headers []string
		want    int
	}{
		"bearer":            {[]string{"Bearer " + readSecret}, 200},
		"any case":          {[]string{"bEARER " + readSecret}, 200},
		"nothing":           {nil, 401},
		"twice":             {[]string{"Bearer " + readSecret, "Bearer " + readSecret}, 401},
		"basic":             {[]string{"Basic " + readSecret}, 401},
		"no scheme":         {[]string{readSecret}, 401},
		"empty":             {[]string{""}, 401},
		"no secret":         {[]string{"Bearer "}, 401},
		"a part of it":      {[]string{"Bearer " + readSecret[:len(readSecret)-1]}, 401},
		"more":              {[]string{"Bearer " + readSecret + "x"}, 401},
		"name of the token": {[]string{"Bearer t-read"}, 401},
	} {
		status, header, _ := r.ask("GET", "/v1/top", "", func(req *http.Request) { req.Header["Authorization"] = c.headers })
		if status != c.want || (status == 401) != (header.Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("%s: %d, want %d", name, status, c.want)
		}
	}
	if log := r.log.String(); strings.Contains(log, readSecret[:20]) || !strings.Contains(log, `"code":"unauthenticated"`) {
		t.Errorf("log is %s", log)
	}
	if _, refused := r.ledger.taken(); len(refused) != 9 || refused[0].Outcome != admin.Denied || refused[0].Reason != "unauthenticated" || refused[0].Verb != "GET /v1/top" {
		t.Errorf("refused are %+v", refused)
	}
	// Swapped, an old token is nobody's.
	r.server.Use(admin.Access{Tokens: []admin.Token{token(admin.Read, operateSecret)}})
	for secret, want := range map[string]int{readSecret: 401, operateSecret: 200, payloadSecret: 401} {
		if status, _, _ := r.ask("GET", "/v1/top", "", bearer(secret)); status != want {
			t.Errorf("swapped, %.7s: %d, want %d", secret, status, want)
		}
	}
}

// TestHosts: a name that is not ours is one that somebody else made for our address.
func TestHosts(t *testing.T) {
	r := start(t, nil)
	for host, want := range map[string]int{
		"127.0.0.1": 200, "127.0.0.1:9999": 200, "[::1]:8081": 200, "::1": 200, "10.1.2.3:80": 200, "localhost": 200, "LOCALHOST:80": 200,
		"router-1.example": 200, "Router-1.Example:8443": 200,
		"evil.example": 421, "evil.example:8081": 421, "router-1.example.evil.example": 421, "localhost.evil.example": 421, "router-1.example.": 421, "127.0.0.1.evil.example": 421,
	} {
		for _, path := range []string{"/livez", "/metrics", "/v1/top"} {
			status, _, _ := r.ask("GET", path, "", func(req *http.Request) { bearer(readSecret)(req); req.Host = host })
			if status != want {
				t.Errorf("%s at %q: %d, want %d", path, host, status, want)
			}
		}
	}
}

// TestOrigins: web pages of others get nothing, whatever they show.
func TestOrigins(t *testing.T) {
	r := start(t, nil)
	own := "http://" + r.server.Address()
	for origin, want := range map[string]int{
		own: 200, "null": 403, "https://" + r.server.Address(): 403, "http://evil.example": 403, "http://127.0.0.1": 403, own + ".evil.example": 403, "": 403, "%": 403,
	} {
		for _, path := range []string{"/livez", "/metrics", "/v1/top"} {
			status, header, _ := r.ask("GET", path, "", func(req *http.Request) { bearer(readSecret)(req); req.Header.Set("Origin", origin) })
			if status != want {
				t.Errorf("%s from %q: %d, want %d", path, origin, status, want)
			}
			for name := range header {
				if strings.HasPrefix(name, "Access-Control") {
					t.Errorf("%s from %q gets %s", path, origin, name)
				}
			}
		}
	}
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "": 403, "same-origin": 200, "none": 200} {
		if status, _, _ := r.ask("GET", "/v1/top", "", func(req *http.Request) { bearer(readSecret)(req); req.Header.Set("Sec-Fetch-Site", site) }); status != want {
			t.Errorf("from a page that is %q: %d, want %d", site, status, want)
		}
	}
	status, _, _ := r.ask("GET", "/livez", "", func(req *http.Request) { req.Header["Origin"] = []string{own, "http://evil.example"} })
	if status != 403 {
		t.Errorf("two origins: %d", status)
	}
	if status, _, _ := r.ask("OPTIONS", "/v1/acts", "", func(req *http.Request) { req.Header.Set("Origin", "http://evil.example") }); status != 403 {
		t.Errorf("preflight: %d", status)
	}
}

func TestSecurityHeaders(t *testing.T) {
	r := start(t, nil)
	for _, path := range []string{"/livez", "/metrics", "/v1/top", "/none", "/debug/pprof/"} {
		_, header, _ := r.ask("GET", path, "", nil)
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

// TestCertificates: who is named by one that our authority signed, and nobody else.
func TestCertificates(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	r := start(t, func(o *admin.Options) {
		o.HTTP.TLS = &tls.Config{Certificates: []tls.Certificate{ours.sign(t, "router", "127.0.0.1")}, ClientCAs: ours.pool(), ClientAuth: tls.VerifyClientCertIfGiven}
		o.HTTP.Access.Clients = []admin.Certificate{{Name: "ops.example", Role: admin.Operate}, {Name: "spiffe://example/ops", Role: admin.Operate},
			{Name: "ann@example.com", Role: admin.Operate}, {Name: "watch", Role: admin.Read}}
	})
	const act = `{"verb":"pause","channel":"c","why":"w"}`
	for name, c := range map[string]struct {
		cert      *tls.Certificate
		authority *authority
		cn        string
		names     []string
		secret    string
		want      int // of an act; 0 for a connection that fails
		actor     string
	}{
		"DNS":                     {authority: ours, names: []string{"a", "ops.example"}, want: 200, actor: "cert:ops.example"},
		"URI":                     {authority: ours, names: []string{"spiffe://example/ops"}, want: 200, actor: "cert:spiffe://example/ops"},
		"email":                   {authority: ours, names: []string{"ann@example.com"}, want: 200, actor: "cert:ann@example.com"},
		"common name":             {authority: ours, cn: "ops.example", want: 200, actor: "cert:ops.example"},
		"common name beside DNS":  {authority: ours, cn: "ops.example", names: []string{"evil.example"}, want: 401},
		"another name":            {authority: ours, cn: "x", names: []string{"evil.example"}, want: 401},
		"its role":                {authority: ours, cn: "watch", want: 403},
		"another authority":       {authority: theirs, names: []string{"ops.example"}},
		"no certificate":          {want: 401},
		"a token":                 {secret: operateSecret, want: 200, actor: "token:t-operate"},
		"a token before it":       {authority: ours, cn: "ops.example", secret: readSecret, want: 403},
		"no token, and no way on": {authority: ours, cn: "ops.example", secret: "none", want: 401},
	} {
		t.Run(name, func(t *testing.T) {
			config := &tls.Config{RootCAs: ours.pool()}
			if c.authority != nil {
				cert := c.authority.sign(t, c.cn, c.names...)
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
			}
			transport := &http.Transport{TLSClientConfig: config}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patience}
			req, err := http.NewRequest("POST", "https://"+r.server.Address()+"/v1/acts", strings.NewReader(act))
			if err != nil {
				t.Fatal(err)
			}
			bearer(c.secret)(req)
			resp, err := client.Do(req)
			if (err != nil) != (c.want == 0) {
				t.Fatalf("%v", err)
			}
			if err != nil {
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode != c.want {
				t.Fatalf("%d, want %d", resp.StatusCode, c.want)
			}
			if records, _ := r.ledger.taken(); c.actor != "" && records[len(records)-1].Actor != c.actor {
				t.Errorf("actor is %s, want %s", records[len(records)-1].Actor, c.actor)
			}
		})
	}
}

// TestCertificatesChange for connections to come.
func TestCertificatesChange(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	of := func(a *authority) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{a.sign(t, "router", "127.0.0.1")}, ClientCAs: a.pool(), ClientAuth: tls.VerifyClientCertIfGiven}
	}
	r := start(t, func(o *admin.Options) { o.HTTP.TLS = of(first) })
	trusts := func(a *authority) bool {
		c, err := tls.Dial("tcp", r.server.Address(), &tls.Config{RootCAs: a.pool()})
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}
	if !trusts(first) || trusts(second) {
		t.Error("it begins with another certificate")
	}
	r.server.UseTLS(of(second))
	if trusts(first) || !trusts(second) {
		t.Error("the certificate has not changed")
	}
	plain := start(t, nil)
	plain.server.UseTLS(of(first))
	if status, _, _ := plain.ask("GET", "/livez", "", nil); status != 200 {
		t.Errorf("what was plain gives %d", status)
	}
}

// TestCertificatesCountAnew for connections that are open, too: by the authorities of
// now.
func TestCertificatesCountAnew(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	router := first.sign(t, "router", "127.0.0.1")
	of := func(clients *authority) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{router}, ClientCAs: clients.pool(), ClientAuth: tls.VerifyClientCertIfGiven}
	}
	r := start(t, func(o *admin.Options) {
		o.HTTP.TLS = of(first)
		o.HTTP.Access.Clients = []admin.Certificate{{Name: "ops.example", Role: admin.Operate}}
	})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: first.pool(), Certificates: []tls.Certificate{first.sign(t, "", "ops.example")}}, MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	var reused bool
	ask := func() int {
		t.Helper()
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
		req, err := http.NewRequestWithContext(ctx, "GET", "https://"+r.server.Address()+"/v1/top", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	if status := ask(); status != 200 {
		t.Fatalf("at first: %d", status)
	}
	r.server.UseTLS(of(second))
	if status := ask(); status != 401 || !reused {
		t.Errorf("its authority is gone: %d, on the same connection: %t", status, reused)
	}
	r.server.UseTLS(&tls.Config{Certificates: []tls.Certificate{router}})
	if status := ask(); status != 401 || !reused {
		t.Errorf("no authority is left: %d, on the same connection: %t", status, reused)
	}
	r.server.UseTLS(of(first))
	if status := ask(); status != 200 || !reused {
		t.Errorf("it is back: %d, on the same connection: %t", status, reused)
	}
	r.server.Use(admin.Access{})
	if status := ask(); status != 401 || !reused {
		t.Errorf("its name is gone: %d, on the same connection: %t", status, reused)
	}
}
