package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/outbox"
)

func (a *app) keyRevokeCommand() *cobra.Command {
	var r revocation
	var curved bool
	cmd := &cobra.Command{
		Use:   "revoke ID --why TEXT",
		Short: "Refuse a producer's key for good; hold what it has queued",
		Long: `revoke refuses a producer's key from now on. A running router does so within a
second, and the command waits for it. The secret is destroyed; the id stays taken,
so that nobody is mistaken for its holder later.

A key that was used lately, or may have been before the router started, is not
revoked without --force. What the key has sent
already stays accepted: --hold keeps all of it that is pending from being handed
out, until headgate event release or cancel.

revoke --curve NAME takes the oldest secret out of NAME.curve: a router that listens
no longer answers peers that pin it.`,
		Example: `  headgate key revoke shop-1 --why "rotated"
  headgate key revoke shop-1 --force --hold --why "leaked"
  headgate key revoke --curve router --why "every peer has the new one"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.ExactArgs(1)(cmd, args); err != nil {
				return err
			}
			if r.why == "" {
				return errors.New("say why with --why: it is kept in the key's file")
			}
			return nil
		},
		ValidArgsFunction: a.completeKeys(config.StateActive, config.StateRetiring, config.StatePending),
		RunE: do(func(cmd *cobra.Command, args []string) error {
			if curved {
				if err := curveName(args[0]); err != nil {
					return err
				}
				return a.revokeCurve(args[0], r.out)
			}
			return a.revoke(cmd.Context(), args[0], r)
		}),
	}
	f := cmd.Flags()
	f.BoolVar(&r.hold, "hold", false, "hold what the key has sent and nobody has done yet")
	f.BoolVar(&r.force, "force", false, "even if it was used lately")
	f.DurationVar(&r.idle, "idle", defaultIdle, "how long it must not have been used, without --force")
	f.BoolVar(&curved, "curve", false, "a CURVE key, for ZeroMQ connections")
	f.StringVar(&r.out, "out", "", "CURVE: the `file`, NAME.curve when empty")
	whyFlag(cmd, &r.why)
	for _, other := range []string{"hold", "force", "idle"} {
		cmd.MarkFlagsMutuallyExclusive("curve", other)
	}
	return cmd
}

// defaultIdle is how long a key must have been silent: what runs once a day may
// still need it.
const defaultIdle = 24 * time.Hour

// revocation is how a producer's key is revoked.
type revocation struct {
	hold, force bool
	idle        time.Duration
	why, out    string
}

func (a *app) revoke(ctx context.Context, id string, r revocation) error {
	cfg, broken := a.keysNow()
	if cfg == nil {
		return broken
	}
	auth, k, err := keyOf(cfg, id)
	if err != nil {
		return errors.Join(err, broken)
	}
	if auth.KeyDir == "" {
		return fmt.Errorf("key %s stands in %s itself: give it state = \"revoked\" there, and restart the router", id, k.File)
	}
	router, err := a.router()
	if err != nil {
		return err
	}
	keys, err := router.Keys(ctx)
	switch {
	case err == nil:
		if !r.force {
			err = r.unused(&keys, k)
		}
	case errors.Is(err, admin.ErrUnreachable) && !r.hold:
		err = nil
	}
	if err != nil {
		return err
	}
	already := k.State == config.StateRevoked
	if !already {
		if err := config.ChangeKey(k.File, config.StateRevoked, remark("revoked", r.why)); err != nil {
			return readOnly(err, `give it state = "revoked" where its file comes from`)
		}
	}
	began := time.Now()
	running, err := a.awaitRouter(ctx, func(now *admin.Keys) (bool, string) {
		return now.Sender(id).State == config.StateRevoked, now.SendersFault
	})
	if err != nil {
		return err
	}
	switch {
	case already && running:
		a.printf("%s is revoked already, and the router refuses it.\n", id)
	case already:
		a.printf("%s is revoked already.\n", id)
	case running:
		a.printf("%s is revoked, and the router refuses it now, after %s.\n", id, time.Since(began).Round(time.Millisecond))
	default:
		a.printf("%s is revoked. No router runs here: the next one refuses it.\n", id)
	}
	if strings.HasPrefix(k.Secret, "file:") || strings.HasPrefix(k.Secret, "env:") {
		a.printf("Its secret is still in %s: destroy it.\n", k.Secret)
	}
	if broken != nil {
		fmt.Fprintf(a.err, "Other keys are broken, and the router goes by what they were:\n%s\n", printableLines(broken.Error()))
	}
	if !r.hold {
		return nil
	}
	held, err := a.holdAllOf(ctx, router, auth.Name, id, r.why)
	of := auth.Name + ":" + id
	a.printf("hold: %s that %s had sent and nobody has done yet. Look at them with headgate event list --held --key %s; then let them go or end them:\n", count(held, "event"), id, of)
	a.printf("  headgate event release --all --key %s --why ..\n  headgate event cancel --all --held --key %s --why ..\n", of, of)
	return err
}

// unused errs for a key that somebody has used lately, or may have before the router
// began to take note.
func (r *revocation) unused(keys *admin.Keys, k *config.Key) error {
	known := keys.Sender(k.ID)
	ago, up := time.Since(known.LastUsed), time.Since(keys.Since)
	switch taken := known.State == config.StateActive || known.State == config.StateRetiring; {
	case !taken: // so that nobody can use it now
	case !known.LastUsed.IsZero() && ago < r.idle:
		return fmt.Errorf("key %s is in use: last %s, %s ago. Have its holder change over and wait until it was idle for --idle %s, or revoke it all the same with --force",
			k.ID, lastUsed(known.LastUsed), ago.Round(time.Second), r.idle)
	case known.LastUsed.IsZero() && up < r.idle:
		return fmt.Errorf("key %s may be in use: the router knows of no use before its start, %s ago. Wait until it has run for --idle %s, or revoke it all the same with --force",
			k.ID, up.Round(time.Second), r.idle)
	}
	return nil
}

// settlingPause is the wait before the last look for what a revoked key has sent: a
// request that was under way when it was revoked has been answered by then.
const settlingPause = time.Second

// holdAllOf holds what is pending of a key, until a look some time after the
// revocation finds no more of it.
func (a *app) holdAllOf(ctx context.Context, router admin.Router, auth, id, why string) (held int, _ error) {
	d := &deed{verb: admin.Hold, why: why}
	for last := false; ; last = true {
		picks, err := heldBack(ctx, router, auth, id)
		if err != nil {
			return held, err
		}
		done, err := a.inPages(ctx, router, d, picks)
		held += done.Changed
		if err != nil || last && len(picks) == 0 {
			return held, err
		}
		select {
		case <-time.After(settlingPause):
		case <-ctx.Done():
			return held, errors.New("interrupted: the same command goes on")
		}
	}
}

// heldBack lists what is pending of a key, and not held yet.
func heldBack(ctx context.Context, router admin.Router, auth, id string) (picks []admin.Pick, _ error) {
	f := outbox.Filter{State: outbox.StatePending, KeyID: auth + ":" + id, Limit: listPage} // a token's kid may be the same
	for {
		list, err := router.Events(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			f.After = e.Seq
			free := false
			for i := range e.Channels {
				free = free || admin.Hold.Fits(&e.Channels[i].ChannelStatus)
			}
			if free {
				picks = append(picks, admin.Pick{Key: outbox.Key{Source: e.Source, ID: e.ID}, Seq: e.Seq})
			}
		}
		if len(list) < listPage {
			return picks, nil
		}
	}
}

// revokeCurve takes the oldest key out of a file of CURVE keys.
func (a *app) revokeCurve(name, file string) error {
	if file == "" {
		file = name + ".curve"
	}
	secrets, err := config.ReadSecrets(file)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if len(secrets) == 1 {
		return fmt.Errorf("%s has one key: put its successor on top of it first, with headgate key rotate --curve %s", file, name)
	}
	oldest := secrets[len(secrets)-1].Public()
	if err := config.WriteSecrets(file, secrets[:len(secrets)-1], true); err != nil {
		return err
	}
	a.printf("%s is taken out of %s.\n", oldest, file)
	fmt.Fprintf(a.err, "Which of its keys a peer pins a router does not know: connections that are there stay, and who pins that one does not come back. headgate top counts them as \"wrong CURVE server key\".\n")
	return nil
}
