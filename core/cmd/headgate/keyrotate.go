package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
)

func (a *app) keyRotateCommand() *cobra.Command {
	var r rotation
	var d deliveryRotation
	var curved bool
	cmd := &cobra.Command{
		Use:   "rotate (ID | --delivery | --curve NAME)",
		Short: "Give a key its successor: a producer's, the router's delivery key, or a CURVE key",
		Long: `rotate ID makes a successor for a producer's key: same principal, same rights,
taken at once. The old one is retiring and goes on to count, until key revoke.

rotate --delivery takes the next step of replacing the key that deliveries are
signed with, and tells when the one after it is due:
  1. a new key is made and published: consumers may learn it;
  2. once --lead has passed it signs, and the former one stays published;
  3. once nothing is valid any more that the former one has signed, it goes.

rotate --curve NAME puts a new secret on top of NAME.curve, as key new --curve NAME
--on-top does.

A running router takes each of these within a second, without a restart.`,
		Example: `  headgate key rotate shop-1 --why "once a year"
  headgate key rotate --delivery --why "once a year"
  headgate key rotate --curve router`,
		Args: func(cmd *cobra.Command, args []string) error {
			if d.wanted {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		ValidArgsFunction: a.completeKeys(config.StateActive),
		RunE: do(func(cmd *cobra.Command, args []string) error {
			switch {
			case d.wanted:
				d.why = r.why
				return a.rotateDelivery(cmd.Context(), d)
			case curved:
				if err := curveName(args[0]); err != nil {
					return err
				}
				return a.newCurve(args[0], r.out, true)
			}
			return a.rotate(cmd.Context(), args[0], r)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&r.id, "id", "", "`ID` of the successor; ID with the next number when empty")
	f.StringVar(&r.out, "out", "", "ed25519: `file` for the private half, as in key new; CURVE: the file, NAME.curve when empty")
	f.BoolVar(&d.wanted, "delivery", false, "the next step for the router's delivery key")
	f.DurationVar(&d.lead, "lead", defaultLead, "delivery: how long a key is published before it signs")
	f.BoolVar(&d.force, "force", false, "delivery: take the step though it is too early")
	f.BoolVar(&curved, "curve", false, "a CURVE key, for ZeroMQ connections")
	whyFlag(cmd, &r.why)
	cmd.MarkFlagsMutuallyExclusive("delivery", "curve")
	for _, other := range []string{"id", "out"} {
		cmd.MarkFlagsMutuallyExclusive("delivery", other)
	}
	cmd.MarkFlagsMutuallyExclusive("curve", "id")
	return cmd
}

// rotation is how a producer's key is rotated.
type rotation struct{ id, out, why string }

func (a *app) rotate(ctx context.Context, id string, r rotation) error {
	cfg, err := a.keysNow()
	if err != nil {
		return err
	}
	auth, old, err := keyOf(cfg, id)
	if err != nil {
		return err
	}
	if auth.KeyDir == "" {
		return fmt.Errorf("key %s stands in %s itself: write its successor beside it, give it state = \"retiring\", and restart the router", id, old.File)
	}
	if old.State != config.StateActive {
		return fmt.Errorf("key %s is %s: only an active key gets a successor; headgate key list shows which is", id, old.State)
	}
	k := *old
	k.ID, k.State, k.Secret, k.Public, k.Material = r.id, config.StateActive, "", "", nil
	if k.ID == "" {
		k.ID = successor(cfg, id)
	}
	if err := free(cfg, k.ID); err != nil {
		return err
	}
	written, err := fileSuccessor(filepath.Dir(old.File), auth.Kind, k, r.out)
	if err != nil {
		return readOnly(taken(err, k.ID), "make the successor where its files come from, and give "+id+` state = "retiring" there`)
	}
	if err := config.ChangeKey(old.File, config.StateRetiring, remark("retiring", k.ID+" takes its place", r.why)); err != nil {
		return fmt.Errorf("%w: key %s is made, and %s stays active", err, k.ID, id)
	}
	a.printf("Written: %s\n", written)
	running, err := a.awaitRouter(ctx, func(now *admin.Keys) (bool, string) {
		done := now.Sender(k.ID).State == config.StateActive && now.Sender(id).State == config.StateRetiring
		return done && now.SendersFault == "", now.SendersFault
	})
	if err != nil {
		return err
	}
	if running {
		a.printf("The router takes %s, and %s as well.\n", k.ID, id)
	} else {
		a.printf("No router runs here: the next one takes %s, and %s as well.\n", k.ID, id)
	}
	for _, in := range cfg.Ingress {
		if slices.Contains(in.DefaultKeyIDs, id) {
			a.printf("Requests to ingress %s that name no key are tried with %s: put %s beside it in default_key_ids, and restart the router.\n", in.Name, id, k.ID)
		}
	}
	a.printf("Next: give %s to the producer. Once headgate key list shows that it uses %s and not %s:\n  headgate key revoke %s --why \"rotated\"\n", k.ID, k.ID, id, id)
	return nil
}

// fileSuccessor makes a key, and tells where.
func fileSuccessor(dir, kind string, k config.Key, out string) (string, error) {
	file := filepath.Join(dir, k.ID+".toml")
	if kind == "ed25519" {
		private, err := newEd25519(dir, k, out)
		return fmt.Sprintf("%s (public), %s (private: for the producer alone)", file, private), err
	}
	if out != "" {
		return "", errors.New("--out is for ed25519 and CURVE: the secret of an hmac key stands in its file")
	}
	return file + " (it holds the secret)", newKey(dir, k)
}

var numbered = regexp.MustCompile(`^(.*?)(?:-([0-9]{1,9}))?$`)

// successor is the id that comes after another: its number, or 1, and 1 more. An
// id that was ever taken is never used again.
func successor(cfg *config.Config, id string) string {
	parts := numbered.FindStringSubmatch(id)
	n, _ := strconv.Atoi(parts[2])
	for n = max(n, 1) + 1; ; n++ {
		next := parts[1] + "-" + strconv.Itoa(n)
		if free(cfg, next) == nil {
			return next
		}
	}
}

// remark is what a key's file says of a change that is made now.
func remark(words ...string) string {
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return time.Now().UTC().Format(time.RFC3339) + ": " + strings.Join(words, "; ")
}

// readOnly tells what to do where files cannot be written here.
func readOnly(err error, instead string) error {
	if errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %s; a running router takes it within a second of the change", err, instead)
	}
	return err
}

const (
	// routerPatience is how long a router may take to go by what was written:
	// many times what it does.
	routerPatience = 10 * time.Second
	routerPause    = 20 * time.Millisecond
)

// awaitRouter waits until a running router goes by what was written. It reports
// whether there is one, and errs when it does not.
func (a *app) awaitRouter(ctx context.Context, ok func(*admin.Keys) (done bool, fault string)) (running bool, _ error) {
	ctx, cancel := context.WithTimeout(ctx, routerPatience)
	defer cancel()
	tick := time.NewTicker(routerPause)
	defer tick.Stop()
	for {
		keys, err := a.runningKeys(ctx)
		if errors.Is(err, admin.ErrUnreachable) {
			return false, nil
		}
		if err != nil {
			return true, fmt.Errorf("it is written, and whether the router goes by it is not known: %w", err)
		}
		done, fault := ok(&keys)
		if done {
			return true, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if fault == "" {
				fault = "it has not said why: look at its log"
			}
			return true, fmt.Errorf("it is written, and the router does not go by it: %s", fault)
		}
	}
}
