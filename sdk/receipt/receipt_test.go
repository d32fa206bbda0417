package receipt_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/receipt"
)

var (
	private = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	public  = private.Public().(ed25519.PublicKey)
	other   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
)

func sample() receipt.Receipt {
	return receipt.Receipt{ID: "order-1", Source: "//shop.example/till", Digest: receipt.Digest([32]byte{1, 2}), Seq: 7,
		Accepted: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("x", 3600)), Principal: sdk.Principal{Provider: "edge-keys", Subject: "till"}}
}

func signed(t *testing.T, r receipt.Receipt) []byte {
	t.Helper()
	text, err := receipt.Sign(r, private)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAReceiptComesBack(t *testing.T) {
	want := sample()
	got, err := receipt.Open(signed(t, want), delivery.NewKeys(other.Public().(ed25519.PublicKey), public))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Accepted.Equal(want.Accepted) || got.Accepted.Location() != time.UTC {
		t.Errorf("accepted %v, want %v in UTC", got.Accepted, want.Accepted)
	}
	got.Accepted = want.Accepted
	if *got != want {
		t.Errorf("got %+v, want %+v", *got, want)
	}
}

// TestReceiptsAreSignedNotes: what others wrote for such notes reads them.
func TestReceiptsAreSignedNotes(t *testing.T) {
	v, err := note.NewVerifier(receipt.VerifierKey(public))
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed(t, sample()), note.VerifierList(v))
	if err != nil || !strings.HasPrefix(n.Text, "headgate.receipt.v1\n{\"id\":\"order-1\",") {
		t.Errorf("%v, %+v", err, n)
	}
}

func TestNoneButTheRoutersReceipts(t *testing.T) {
	good := signed(t, sample())
	foreign, err := receipt.Sign(sample(), other)
	if err != nil {
		t.Fatal(err)
	}
	v := receipt.VerifierKey(public)
	name := v[:strings.Index(v, "+")]
	resigned := func(text string) []byte {
		t.Helper()
		n, err := note.Sign(&note.Note{Text: text}, noteSigner{name})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for what, tt := range map[string]struct {
		text []byte
		want error
	}{
		"nothing":           {nil, receipt.ErrForm},
		"no signature":      {good[:bytes.Index(good, []byte("\n\n"))+2], receipt.ErrForm},
		"another key":       {foreign, receipt.ErrKey},
		"another id":        {bytes.Replace(good, []byte("order-1"), []byte("order-2"), 1), receipt.ErrForm},
		"another text":      {resigned("headgate.root.v1\nkid\n1\nAAAA\n"), receipt.ErrForm},
		"a member twice":    {resigned("headgate.receipt.v1\n{\"id\":\"a\",\"id\":\"b\"}\n"), receipt.ErrForm},
		"two lines of JSON": {resigned("headgate.receipt.v1\n{}\n{}\n"), receipt.ErrForm},
		"too long":          {append(bytes.Repeat([]byte("x"), 17<<10), good...), receipt.ErrForm},
	} {
		if r, err := receipt.Open(tt.text, delivery.NewKeys(public)); !errors.Is(err, tt.want) || r != nil {
			t.Errorf("%s: %+v, %v, want %v", what, r, err, tt.want)
		}
	}
	if _, err := receipt.Open(good, nil); !errors.Is(err, receipt.ErrKey) {
		t.Errorf("no keys: %v", err)
	}
}

// noteSigner signs any text with the router's key.
type noteSigner struct{ name string }

func (s noteSigner) Name() string { return s.name }

func (s noteSigner) KeyHash() uint32 {
	v, err := note.NewVerifier(receipt.VerifierKey(public))
	if err != nil {
		panic(err)
	}
	return v.KeyHash()
}

func (s noteSigner) Sign(text []byte) ([]byte, error) { return ed25519.Sign(private, text), nil }

func FuzzOpen(f *testing.F) {
	text, err := receipt.Sign(sample(), private)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("headgate.receipt.v1\n{}\n\n— x AAAA\n"))
	keys := delivery.NewKeys(public)
	want, err := receipt.Open(text, keys)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := receipt.Open(b, keys); err == nil && *r != *want {
			t.Errorf("a receipt that nobody signed: %+v", r)
		}
	})
}
