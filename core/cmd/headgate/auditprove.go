package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/audit"
)

// receiptMost is how long a receipt may be, in bytes.
const receiptMost = 64 << 10

func (a *app) auditProveCommand() *cobra.Command {
	var dir, receipt, out string
	var checkpoints []string
	index := int64(-1)
	cmd := &cobra.Command{
		Use:   "prove (--index N | --receipt FILE)",
		Short: "Prove that a record is in the log, to who has neither",
		Long: `prove writes a proof that a record is in the log that a checkpoint covers: a C2SP
tlog-proof, whose extra data is the record. The checkpoint is the newest local one, or
the newest of those given with --checkpoint that covers the record.

--receipt names a file with a receipt, or with the router's answer to an event,
{"id":..,"source":..}: proven is the record of its acceptance.

headgate audit verify --proof FILE --key KEY checks it, anywhere.`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if (index < 0) == (receipt == "") {
				return errors.New("name the record with --index, or the event with --receipt")
			}
			return nil
		},
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			_, files, err := a.auditFiles(dir)
			if err != nil {
				return err
			}
			if receipt != "" {
				if index, err = acceptedAt(cmd.Context(), files, receipt); err != nil {
					return err
				}
			}
			c, err := covering(cmd.Context(), files, index, checkpoints)
			if err != nil {
				return err
			}
			p, err := audit.Prove(cmd.Context(), files, index, c)
			if err != nil {
				return err
			}
			if out == "" {
				_, err = a.out.Write(p.Format())
				return err
			}
			if err := os.WriteFile(out, p.Format(), 0o600); err != nil {
				return err
			}
			a.printf("%s: record %d is among the %d of the checkpoint\n", out, index, c.Size)
			return nil
		}),
	}
	dirFlag(cmd, &dir)
	checkpointFlag(cmd, &checkpoints)
	cmd.Flags().Int64Var(&index, "index", -1, "index of the record, as audit search prints it")
	cmd.Flags().StringVar(&receipt, "receipt", "", "`file` with the receipt of the event, or the router's answer to it")
	cmd.Flags().StringVar(&out, "out", "", "write the proof to `file`, instead of printing it")
	_ = cmd.MarkFlagFilename("receipt", "json")
	_ = cmd.MarkFlagFilename("out", "tlog-proof")
	_ = cmd.RegisterFlagCompletionFunc("index", cobra.NoFileCompletions)
	return cmd
}

// errFound ends a search.
var errFound = errors.New("found")

// acceptedAt finds the record of the acceptance that a receipt is of.
func acceptedAt(ctx context.Context, files fs.FS, receipt string) (int64, error) {
	text, err := readMost(receipt, receiptMost)
	if err != nil {
		return 0, err
	}
	answer, err := readAcceptance(text)
	if err != nil {
		return 0, fmt.Errorf("%s is no receipt: %w", receipt, err)
	}
	index := int64(-1)
	q := audit.Query{ID: answer.ID, Source: answer.Source, Action: "event.accept"}
	_, err = audit.Search(ctx, files, q, func(l *audit.Line) error {
		if answer.Seq != 0 && answer.Seq != l.Seq {
			return nil // another acceptance of that id, when the first one was forgotten
		}
		index = l.N
		return errFound
	})
	if err != nil && !errors.Is(err, errFound) {
		return 0, err
	}
	if index < 0 {
		return 0, fmt.Errorf("no record of an acceptance of %q from %q is kept", answer.ID, answer.Source)
	}
	return index, nil
}

// covering is the newest checkpoint, of those given or of the local ones, that
// covers a record.
func covering(ctx context.Context, files fs.FS, index int64, given []string) (c audit.Checkpoint, err error) {
	var list []audit.Checkpoint
	if len(given) == 0 {
		if list, err = audit.LocalCheckpoints(files); err != nil {
			return c, err
		}
	}
	for _, from := range given {
		exported, err := readCheckpoints(ctx, from)
		if err != nil {
			return c, err
		}
		for _, x := range exported {
			list = append(list, x.Checkpoint)
		}
	}
	for _, x := range list {
		if x.Size > c.Size {
			c = x
		}
	}
	if c.Size <= index {
		return c, fmt.Errorf("no checkpoint covers record %d yet: the newest one is of %s, and a running router signs the next within [audit] checkpoint", index, count(int(c.Size), "record"))
	}
	return c, nil
}
