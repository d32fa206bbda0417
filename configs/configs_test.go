package configs_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/headgate-io/headgate/configs"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/webhook"
)

var update = flag.Bool("update", false, "write headgate.schema.json anew")

var (
	secret  = bytes.Repeat([]byte("s"), webhook.MinSecret)
	options = config.Options{Env: []string{"TILL_SECRET=" + webhook.FormatSecret(bytes.Repeat([]byte("t"), webhook.MinSecret)),
		"ADMIN_TOKEN=" + string(bytes.Repeat([]byte("a"), 32)), "TRACE_AUTHORIZATION=Bearer t"}}
)

func TestReferenceIsDefault(t *testing.T) {
	got, err := config.Parse(configs.Reference, "headgate.toml", ".", options)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	for i, of := 0, reflect.TypeFor[config.Config](); i < of.NumField(); i++ {
		if of.Field(i).Tag.Get("toml") == "-" || !of.Field(i).IsExported() {
			continue
		}
		g, w := reflect.ValueOf(got).Elem().Field(i).Interface(), reflect.ValueOf(want).Field(i).Interface()
		if !reflect.DeepEqual(g, w) {
			t.Errorf("%s is %+v, default %+v", of.Field(i).Name, g, w)
		}
	}
}

var (
	// commented is a line of an example: TOML behind "# ".
	commented = regexp.MustCompile(`(?m)^# (\[|[a-z_0-9]+ = )`)
	// alternative is one that cannot stand beside the lines above it.
	alternative = regexp.MustCompile(`(?m)^# or ([a-z_0-9]+ = )`)
	// missing is a public key that whoever uses an example fills in.
	missing = regexp.MustCompile(`"<public key of [a-z]+>"`)
)

// examples is the reference with its examples uncommented.
func examples() []byte {
	return withKeys(commented.ReplaceAll(configs.Reference, []byte("$1")))
}

// withKeys fills in a new public key wherever one is missing.
func withKeys(text []byte) []byte {
	return missing.ReplaceAllFunc(text, func([]byte) []byte {
		return strconv.AppendQuote(nil, curve.NewSecret().Public().String())
	})
}

func TestReferenceExamplesLoad(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	got, err := config.Parse(examples(), "headgate.toml", dir, options)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Ingress) != 3 || len(got.Auth) != 6 || len(got.Grants) != 2 || len(got.EventKeys) != 1 || len(got.Transforms) != 2 || len(got.Channels) != 3 || len(got.Peers) != 1 || len(got.Routes) != 1 {
		t.Fatal("an example block is missing")
	}
}

// TestReferenceExamplesShowDefaults holds the example channels against
// channels that set nothing.
func TestReferenceExamplesShowDefaults(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	got, err := config.Parse(examples(), "headgate.toml", dir, options)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, s := range got.Effective() {
		shown[s.Key] = s.Value
	}
	bare, err := config.Parse([]byte(`
channels = [{ name = "c", class = "command", listen = "ipc://c" }, { name = "t", class = "telemetry", listen = "ipc://t" }]
routes = [{ name = "all", type = ["**"], channels = ["c", "t"] }]
`), "bare.toml", dir, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range bare.Effective() {
		if strings.HasPrefix(s.Key, "channels[") && s.Origin == "default" && shown[s.Key] != s.Value {
			t.Errorf("%s = %s, default %s", s.Key, shown[s.Key], s.Value)
		}
	}
}

// TestReferenceHasEveryKey looks for each key of the configuration in the
// reference's table of that name.
func TestReferenceHasEveryKey(t *testing.T) {
	var tables map[string]any
	if err := toml.Unmarshal(alternative.ReplaceAll(examples(), []byte("$1")), &tables); err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	mentioned(t, "", schema, []any{tables})
}

// connecting lists the keys for sockets that connect in tables whose sockets
// never do. The channels of the reference show them.
var connecting = map[string]bool{
	"ingress[].curve.server_key": true, "ingress[].tls.ca": true,
	"replies.curve.server_key": true, "replies.tls.ca": true, "admin.tls.ca": true,
}

// listening lists the key for sockets that listen in a table whose never does.
var listening = map[string]bool{"trace.tls.client_ca": true}

// mentioned wants each property of a schema in one of the tables at least.
func mentioned(t *testing.T, path string, schema map[string]any, tables []any) {
	properties, _ := schema["properties"].(map[string]any)
	for key, property := range properties {
		var values []any
		for _, table := range tables {
			if value, found := table.(map[string]any)[key]; found {
				values = append(values, value)
			}
		}
		if len(values) == 0 && (connecting[path+key] || listening[path+key]) {
			continue
		}
		if len(values) == 0 {
			t.Errorf("%s%s is not mentioned", path, key)
			continue
		}
		for _, form := range forms(property.(map[string]any)) {
			switch form["type"] {
			case "object":
				mentioned(t, path+key+".", form, values)
			case "array":
				var elements []any
				for _, value := range values {
					if array, ok := value.([]any); ok {
						elements = append(elements, array...)
					}
				}
				mentioned(t, path+key+"[].", form["items"].(map[string]any), elements)
			}
		}
	}
}

func forms(schema map[string]any) []map[string]any {
	choices, ok := schema["anyOf"].([]any)
	if !ok {
		return []map[string]any{schema}
	}
	var out []map[string]any
	for _, form := range choices {
		out = append(out, form.(map[string]any))
	}
	return out
}

func TestQuickstartLoads(t *testing.T) {
	dir := t.TempDir()
	key := config.Key{ID: "edge-1", Principal: "edge", Sources: []string{"**"}, Types: []string{"com.example.**"}}
	if err := config.WriteKey(filepath.Join(dir, "keys"), key, webhook.FormatSecret(secret)); err != nil {
		t.Fatal(err)
	}
	got, err := config.Parse(configs.Quickstart, "headgate.toml", dir, config.Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if warnings := got.Warnings(); len(warnings) != 0 {
		t.Errorf("warnings: %q", warnings)
	}
}

// TestCurveLoads fills in what the example leaves to its user: without warnings
// it is then as good as the quickstart.
func TestCurveLoads(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	got, err := config.Parse(withKeys(configs.Curve), "headgate.toml", dir, config.Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if warnings := got.Warnings(); len(warnings) != 0 {
		t.Errorf("warnings: %q", warnings)
	}
	if len(got.Peers) != 2 || got.Replies.Curve == nil || got.Ingress[0].Curve == nil || got.Channels[0].Curve == nil || got.Channels[1].Curve == nil {
		t.Errorf("loads as %+v", got)
	}
}

// TestCurveNeedsKeys shows that the example runs with nobody's key but its
// user's own.
func TestCurveNeedsKeys(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	_, err := config.Parse(configs.Curve, "headgate.toml", dir, config.Options{Env: []string{}})
	problems, _ := err.(config.Problems)
	if len(problems) != 2 || problems[0].Key != "peers[0].curve" || problems[1].Key != "peers[1].curve" {
		t.Errorf("without public keys: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "router.curve")); err != nil {
		t.Fatal(err)
	}
	_, err = config.Parse(withKeys(configs.Curve), "headgate.toml", dir, config.Options{Env: []string{}})
	problems, _ = err.(config.Problems)
	if len(problems) != 4 || problems[0].Key != "ingress[0].curve.secret" {
		t.Errorf("without a secret key: %v", err)
	}
}

func TestSchemaIsCurrent(t *testing.T) {
	if *update {
		if err := os.WriteFile("headgate.schema.json", config.Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(configs.Schema, config.Schema()) {
		t.Error("headgate.schema.json is not what core/config gives: run go test ./configs -update")
	}
}

func TestSchemaValidates(t *testing.T) {
	loaded, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("headgate.schema.json", loaded); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("headgate.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text  []byte
		valid bool
	}{
		"quickstart":   {configs.Quickstart, true},
		"reference":    {configs.Reference, true},
		"examples":     {examples(), true},
		"alternatives": {alternative.ReplaceAll(examples(), []byte("$1")), true},
		"curve":        {withKeys(configs.Curve), true},
		"container":    {withKeys(configs.Container), true},
		"key missing":  {configs.Curve, false},
		"unknown key":  {[]byte("[log]\nlevl = \"info\""), false},
		"no build":     {[]byte("[grants]"), false},
		"enum":         {[]byte("[log]\nlevel = \"loud\""), false},
		"duration":     {[]byte("[journal]\nremember = \"1 day\""), false},
		"size":         {[]byte("[journal]\ncapacity = \"1mb\""), false},
		"bound":        {[]byte("[limits]\npeers = 0"), false},
		"required":     {[]byte("[[routes]]\nname = \"a\""), false},
		"wrong type":   {[]byte("[limits]\npeers = \"1\""), false},
		"key of a key": {[]byte("[[auth]]\nname = \"a\"\nkind = \"hmac\"\nkeys = [{ di = \"x\" }]"), false},
	} {
		var value any
		if err := toml.Unmarshal(c.text, &value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := schema.Validate(plain(t, value)); (err == nil) != c.valid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// plain gives a value as JSON has it.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// makeFiles makes what the examples refer to.
func makeFiles(t *testing.T, dir string) {
	t.Helper()
	key := config.Key{ID: "edge-1", Principal: "edge", Sources: []string{"**"}, Types: []string{"com.example.**"}}
	if err := config.WriteKey(filepath.Join(dir, "keys"), key, webhook.FormatSecret(secret)); err != nil {
		t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(secret)
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "headgate"}}
	cert, err := x509.CreateCertificate(rand.Reader, of, of, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	for name, text := range map[string][]byte{
		"tls/cert.pem":          certPEM,
		"tls/clients.pem":       certPEM,
		"tls/key.pem":           pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		"tls/consumers.pem":     certPEM,
		"router.curve":          []byte(curve.NewSecret().Reveal() + "\n"),
		"plugins/customer.pyz":  []byte("a plugin"),
		"plugins/directory.pyz": []byte("a plugin"),
		"shop-1.pub":            []byte("whpk_" + base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey)) + "\n"),
		"partner-1.pub":         []byte("whpk_" + base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey)) + "\n"),
		"schemas/order.json":    []byte(`{"type":"object"}`),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
