package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/audit"
)

// auditVerify is what audit verify is asked.
type auditVerify struct {
	dir         string
	checkpoints []string
	keys        []string
	proof       string
	json        bool
}

func (a *app) auditVerifyCommand() *cobra.Command {
	v := auditVerify{}
	cmd := &cobra.Command{
		Use:   "verify [DIRECTORY]",
		Short: "Check every record of the audit log, against checkpoints that were kept elsewhere",
		Long: `verify reads every record that is kept and checks each link, the local checkpoints,
and those given with --checkpoint: the files or URLs that the router exports to. It
names the first bad record, by file, line and index.

Without a checkpoint from elsewhere it says "internally consistent" at best: whoever
has the disk and the audit key can make another consistent log. --key is the key that
auditors were given; without it the log's own word counts, and a log that was made
anew by another key fits no exported checkpoint.

With --proof it checks one proof, which needs --key, or --checkpoint, and no log.

Exit code 1 when anything is bad.`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		PreRunE: func(_ *cobra.Command, args []string) error {
			if v.proof != "" && len(args) > 0 {
				return errors.New("--proof needs no DIRECTORY: the proof has all of it")
			}
			return nil
		},
		RunE: do(func(cmd *cobra.Command, args []string) error {
			if v.proof != "" {
				return a.verifyProof(cmd.Context(), &v)
			}
			if len(args) > 0 {
				v.dir = args[0]
			}
			return a.verifyAudit(cmd.Context(), &v)
		}),
	}
	checkpointFlag(cmd, &v.checkpoints)
	cmd.Flags().StringArrayVar(&v.keys, "key", nil, "verifier `key` of the log; again for more")
	cmd.Flags().StringVar(&v.proof, "proof", "", "check this `file` of audit prove instead of a log")
	cmd.Flags().BoolVar(&v.json, "json", false, "print JSON")
	return cmd
}

func checkpointFlag(cmd *cobra.Command, list *[]string) {
	cmd.Flags().StringArrayVar(list, "checkpoint", nil, "checkpoints kept elsewhere: a `file` or https URL; again for more")
	_ = cmd.MarkFlagFilename("checkpoint")
}

// errAltered ends a command that has printed what is bad.
var errAltered = errors.New("the audit log is not what was written: keep it as it is, as evidence")

// verified is what audit verify prints as JSON.
type verified struct {
	Dir     string `json:"dir"`
	Verdict string `json:"verdict"` // intact, consistent or bad
	*audit.Report
}

func (a *app) verifyAudit(ctx context.Context, v *auditVerify) error {
	path, files, err := a.auditFiles(v.dir)
	if err != nil {
		return err
	}
	o := audit.CheckOptions{}
	if o.Keys, err = auditKeys(v.keys); err != nil {
		return err
	}
	for _, from := range v.checkpoints {
		list, err := readCheckpoints(ctx, from)
		if err != nil {
			return err
		}
		o.Exported = append(o.Exported, list...)
	}
	r, err := audit.Check(ctx, files, o)
	if err != nil {
		return err
	}
	out := verified{path, "bad", r}
	switch {
	case r.Good() && r.Exported != nil:
		out.Verdict = "intact"
	case r.Good():
		out.Verdict = "consistent"
	}
	if v.json {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		a.printVerified(&out)
	}
	if out.Verdict == "bad" {
		return errAltered
	}
	return nil
}

func (a *app) printVerified(v *verified) {
	a.printf("%s: records %d to %d, in %s\n", v.Dir, v.First, v.Size-1, count(v.Files, "file"))
	for i, f := range v.Findings {
		first := "bad: "
		if i == 0 {
			first = "first bad record: "
		}
		a.printf("%s%s\n", first, printable(f.String()))
	}
	for _, f := range v.Faults {
		a.printf("bad: %s\n", printable(f))
	}
	for _, n := range v.Notes {
		a.printf("note: %s\n", printable(n))
	}
	key := "which the log itself names: give --key to say it"
	if v.KeyGiven {
		key = "as given"
	}
	if v.Key != "" {
		a.printf("key: %s, %s\n", printable(v.Key), key)
	}
	switch {
	case v.Exported != nil:
		word := "intact"
		if v.Verdict == "bad" {
			word = "the same as when it was signed"
		}
		a.printf("%s up to record %d (checkpoint of %s, from %s)\n", word, v.Exported.Size-1, stamp(v.Exported.Time), printable(v.Exported.From))
		if v.Newer > 0 {
			a.printf("%s newer: no exported checkpoint covers them, and they could be cut off or altered unseen\n", count(int(v.Newer), "record"))
		}
	case v.Verdict == "consistent":
		a.printf("internally consistent, with %s; that is no proof: give a checkpoint that was kept elsewhere with --checkpoint\n", count(v.Local, "local checkpoint"))
	}
}

// proven is what audit verify --proof prints as JSON.
type proven struct {
	Index  int64  `json:"index"`
	Size   int64  `json:"size"` // of the checkpoint
	Origin string `json:"origin"`
	Record string `json:"record"`
}

func (a *app) verifyProof(ctx context.Context, v *auditVerify) error {
	text, err := readMost(v.proof, checkpointsMost)
	if err != nil {
		return err
	}
	p, err := audit.ParseProof(text)
	if err != nil {
		return fmt.Errorf("%s: %w", v.proof, err)
	}
	keys, err := auditKeys(v.keys)
	if err != nil {
		return err
	}
	trusted := false // its checkpoint is one that was kept elsewhere
	for _, from := range v.checkpoints {
		list, err := readCheckpoints(ctx, from)
		if err != nil {
			return err
		}
		for _, c := range list {
			trusted = trusted || c.Origin == p.Checkpoint.Origin && c.Size == p.Checkpoint.Size && c.Root == p.Checkpoint.Root
		}
	}
	switch {
	case len(keys) > 0:
		err = p.Verify(keys...)
	case trusted:
		err = p.Check()
	default:
		err = errors.New("nothing tells that its checkpoint is the log's: give --key, or --checkpoint with what was kept elsewhere")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", v.proof, err)
	}
	if v.json {
		return a.printJSON(proven{p.Index, p.Checkpoint.Size, p.Checkpoint.Origin, string(p.Record)})
	}
	a.printf("%s: record %d is in the log %s of %s:\n%s\n", v.proof, p.Index, printable(p.Checkpoint.Origin), count(int(p.Checkpoint.Size), "record"), printable(string(p.Record)))
	return nil
}
