package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/journal/disk"
)

func (a *app) dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Look at the data directory, check it, back it up, bring it back",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(a.dataInspectCommand(), a.dataVerifyCommand(), a.dataBackupCommand(), a.dataRestoreCommand(), a.dataSalvageCommand())
	return cmd
}

// dataDir is the data directory of the configuration, or what --dir names.
func (a *app) dataDir(named string) (string, error) {
	if named != "" {
		return filepath.Abs(named)
	}
	cfg, err := config.Load(a.files, config.Options{Unchecked: true})
	if err != nil {
		return "", err
	}
	return filepath.Abs(cfg.Path(cfg.Data.Dir))
}

// openJournal opens the files of a data directory's journal.
func openJournal(dir string) (disk.FS, error) {
	path := datadir.Journal(dir)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s has no journal: %w", dir, err)
	}
	return disk.Open(path)
}

func dirFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dir", "", "data `directory`, instead of the configuration's")
	_ = cmd.MarkFlagDirname("dir")
}

func (a *app) dataInspectCommand() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "Tell what the journal has on disk, whether a router runs or not",
		Args:  cobra.NoArgs,
		RunE: do(func(*cobra.Command, []string) error {
			path, err := a.dataDir(dir)
			if err != nil {
				return err
			}
			files, err := openJournal(path)
			if err != nil {
				return err
			}
			r, err := journal.Inspect(files)
			if errors.Is(err, fs.ErrNotExist) { // a running router has dropped a segment meanwhile
				r, err = journal.Inspect(files)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(r)
			}
			a.printReport(path, &r)
			return nil
		}),
	}
	dirFlag(cmd, &dir)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) printReport(path string, r *journal.Report) {
	a.printf("%s: journal format %d, %s in %s, last sequence %d", path, r.Format, bytesOf(r.Bytes), count(len(r.Segments), "segment"), r.Sequence)
	if !r.Newest.IsZero() {
		a.printf(", newest entry of %s", stamp(r.Newest))
	}
	a.printf("\n\n")
	t := newTable(a.out, "SEGMENT", "CREATED", "BYTES", "SEALED", "EVENTS", "KEEPS")
	for _, s := range r.Segments {
		events := ""
		if s.Low > 0 {
			events = fmt.Sprintf("%d..%d", s.Low, s.High)
		}
		t.row(s.Name, stamp(s.Created), s.Bytes, yes(s.Sealed), events, s.Pending)
	}
	t.end()
	a.printf("\n")
	t = newTable(a.out, "CHANNEL", "PENDING", "HELD", "DEAD", "BYTES")
	names := make([]string, 0, len(r.Channels))
	for name := range r.Channels {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c := r.Channels[name]
		t.row(name, c.Pending, c.Held, c.Dead, c.Bytes)
	}
	t.end()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// errFaults ends a command that has printed what is wrong.
var errFaults = errors.New("what is stored is damaged: headgate data salvage collects what can be read")

func (a *app) dataVerifyCommand() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read everything that is stored and name what is damaged",
		Long: `verify reads every record of the journal and checks it. While a router runs, the
router does it.

Exit code 1 when anything is damaged.`,
		Args: cobra.NoArgs,
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			path, err := a.dataDir(dir)
			if err != nil {
				return err
			}
			faults, err := verify(cmd.Context(), path)
			if err != nil {
				return err
			}
			if asJSON {
				if err := a.printJSON(admin.Checked{Faults: faults}); err != nil {
					return err
				}
			} else if len(faults) == 0 {
				a.printf("%s: everything checks out\n", path)
			}
			if len(faults) == 0 {
				return nil
			}
			if !asJSON {
				a.printf("%s\n", strings.Join(faults, "\n"))
			}
			return errFaults
		}),
	}
	dirFlag(cmd, &dir)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// verify names what is damaged in a data directory. It asks the router that
// uses it, if one does.
func verify(ctx context.Context, path string) ([]string, error) {
	release, err := datadir.Hold(path)
	if errors.Is(err, datadir.ErrLocked) {
		checked, err := admin.NewClient(datadir.Socket(path)).Verify(ctx)
		return checked.Faults, err
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = release() }()
	files, err := openJournal(path)
	if err != nil {
		return nil, err
	}
	r, err := journal.Check(files)
	return r.Faults, err
}

func (a *app) dataBackupCommand() *cobra.Command {
	to := admin.Copy{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backup DIRECTORY --why TEXT",
		Short: "Copy the data directory of a running router, as of one moment",
		Long: `backup makes DIRECTORY, which must be new or empty, a copy of the data directory:
the journal as of one moment, and the router's keys, so keep it as safe as the
original. Accepting and delivering go on meanwhile. On the same file system the
journal's files are hard links: the copy takes next to no room, and dies with
that disk.

A backup is a data directory. "headgate data restore" checks it and puts it in
place; of a router that was restored, what was pending at the backup is
delivered again.`,
		Args: cobra.ExactArgs(1),
		RunE: do(func(cmd *cobra.Command, args []string) error {
			router, err := a.router()
			if err != nil {
				return err
			}
			if to.Dir, err = filepath.Abs(args[0]); err != nil {
				return err
			}
			if err := router.Backup(cmd.Context(), to); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(backedUp{to.Dir})
			}
			a.printf("%s: a copy of the data directory, with its keys\n", to.Dir)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	whyFlag(cmd, &to.Why)
	_ = cmd.MarkFlagRequired("why")
	return cmd
}

// backedUp is what data backup tells programs.
type backedUp struct {
	Dir string `json:"dir"` // absolute
}

func (a *app) dataRestoreCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "restore BACKUP",
		Short: "Check a backup and put it in place of a data directory that is not there",
		Long: `restore copies BACKUP to the data directory of the configuration, which must not
be there or be empty, and checks every record of the copy.`,
		Args: cobra.ExactArgs(1),
		RunE: do(func(_ *cobra.Command, args []string) error {
			path, err := a.dataDir(dir)
			if err != nil {
				return err
			}
			if err := restore(args[0], path); err != nil {
				return err
			}
			a.printf("%s: restored; headgate run takes it up\n", path)
			return nil
		}),
	}
	dirFlag(cmd, &dir)
	return cmd
}

// restore makes path, which is new or empty, a copy of a backup. The journal
// gets its name when all of it is there and checks out, and the format file,
// without which no data directory is one, comes last.
func restore(backup, path string) error {
	release, err := datadir.Hold(backup)
	if err != nil {
		return err
	}
	defer func() { _ = release() }()
	files, err := openJournal(backup)
	if err != nil {
		return err
	}
	if err := datadir.New(path); err != nil {
		return err
	}
	half := datadir.Journal(path) + ".restoring"
	err = copyJournal(files, half)
	if err == nil {
		err = os.Rename(half, datadir.Journal(path))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(half))
	}
	return datadir.CopyOwn(backup, path)
}

func copyJournal(from disk.FS, to string) error {
	copied, err := disk.Open(to)
	if err != nil {
		return err
	}
	if err := journal.Copy(from, copied); err != nil {
		return err
	}
	r, err := journal.Check(copied)
	if err == nil && len(r.Faults) > 0 {
		err = fmt.Errorf("the backup is damaged: %s: collect what can be read of it: headgate data salvage --dir BACKUP DIRECTORY", r.Faults[0])
	}
	return err
}

func (a *app) dataSalvageCommand() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "salvage DIRECTORY",
		Short: "Collect what can be read of a damaged data directory into a new one",
		Long: `salvage reads the data directory of the configuration, which no router may use
meanwhile and which stays as it is, and writes all records that check out into
DIRECTORY, with the router's keys. It names what is lost. To go on with what was
saved, put DIRECTORY in the place of the old one.`,
		Args: cobra.ExactArgs(1),
		RunE: do(func(_ *cobra.Command, args []string) error {
			path, err := a.dataDir(dir)
			if err != nil {
				return err
			}
			out, err := salvage(path, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(out)
			}
			for _, l := range out.Lost {
				a.printf("lost: %s\n", l)
			}
			a.printf("%s: %s in %s saved, %s lost\n", args[0], count(out.Records, "record"), count(out.Segments, "segment"), count(len(out.Lost), "piece"))
			return nil
		}),
	}
	dirFlag(cmd, &dir)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func salvage(from, to string) (journal.Salvaged, error) {
	release, err := datadir.Hold(from)
	if err != nil {
		return journal.Salvaged{}, err
	}
	defer func() { _ = release() }()
	files, err := openJournal(from)
	if err != nil {
		return journal.Salvaged{}, err
	}
	if err := datadir.New(to); err != nil {
		return journal.Salvaged{}, err
	}
	saved, err := disk.Open(datadir.Journal(to))
	if err != nil {
		return journal.Salvaged{}, err
	}
	out, err := journal.Salvage(files, saved)
	if err != nil {
		return out, err
	}
	return out, datadir.CopyOwn(from, to)
}
