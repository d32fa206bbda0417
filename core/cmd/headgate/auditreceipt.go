package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/receipt"
)

func (a *app) auditReceiptCommand() *cobra.Command {
	var keys string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "receipt FILE..",
		Short: "Check receipts that a router gave its senders",
		Long: `receipt checks signed receipts, as headgate send --receipts keeps them: what was
accepted, when, and where it is in the router's journal. It needs the router's public
keys and nothing else: those of --keys, as headgate key export prints them, or of the
configuration. Keep the keys that have retired: a receipt has no end.

headgate audit prove --receipt leads from one to the audit log.`,
		Args: cobra.MinimumNArgs(1),
		RunE: do(func(_ *cobra.Command, files []string) error {
			known, err := a.receiptKeys(keys)
			if err != nil {
				return err
			}
			bad := false
			for _, file := range files {
				text, err := readMost(file, receiptMost)
				if err != nil {
					return err
				}
				r, err := receipt.Open(text, known)
				switch {
				case err != nil:
					bad = true
					fmt.Fprintf(a.err, "%s: %v\n", file, err)
				case asJSON:
					if err := a.printJSON(r); err != nil {
						return err
					}
				default:
					a.printf("%s: %s of %s, accepted %s from %s, sequence %d, %s\n", file, printable(r.ID), printable(r.Source),
						r.Accepted.Format(time.RFC3339), printable(r.Principal.String()), r.Seq, r.Digest)
				}
			}
			if bad {
				return errSaid
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&keys, "keys", "", "`file` of the router's public keys; those of the configuration when empty")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	_ = cmd.MarkFlagFilename("keys", "json")
	return cmd
}

func (a *app) receiptKeys(file string) (keys delivery.Keys, err error) {
	if file == "" {
		cfg, err := a.load(nil)
		if err != nil {
			return nil, err
		}
		return publicKeys(cfg)
	}
	text, err := readMost(file, receiptMost)
	if err == nil {
		err = json.Unmarshal(text, &keys)
	}
	if err != nil {
		return nil, fmt.Errorf("keys: %s: %w", file, err)
	}
	return keys, nil
}

// acceptance is what a sender has of one: the router's answer, or a receipt.
type acceptance struct {
	ID, Source string
	Seq        uint64 // 0 for not known
}

// readAcceptance reads either. Whether a receipt is signed is for audit receipt.
func readAcceptance(text []byte) (of acceptance, err error) {
	if line, rest, _ := bytes.Cut(text, []byte("\n")); string(line) == "headgate.receipt.v1" {
		text, _, _ = bytes.Cut(rest, []byte("\n"))
	}
	if err = json.Unmarshal(text, &of); err == nil && (of.ID == "" || of.Source == "") {
		err = errors.New(`it needs "id" and "source"`)
	}
	return of, err
}
