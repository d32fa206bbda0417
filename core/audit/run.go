package audit

import (
	"context"
	"sync"
	"time"
)

// tidyEvery is how often the log looks after itself.
const tidyEvery = time.Second

// Run signs checkpoints and exports them, writes what was refused and counted,
// makes the log whole after a failure, and removes what is too old, until ctx
// ends. The log can be written without it, for a while.
func (l *Log) Run(ctx context.Context) error {
	var exports sync.WaitGroup
	defer exports.Wait()
	for _, e := range l.exports {
		exports.Go(func() { e.run(ctx) })
	}
	tidy := time.NewTicker(min(tidyEvery, l.o.Checkpoint))
	defer tidy.Stop()
	sign := time.NewTicker(l.o.Checkpoint)
	defer sign.Stop()
	for {
		select {
		case <-ctx.Done():
			l.drain(true)
			return nil
		case <-l.wake:
			l.drain(false)
		case <-tidy.C:
			l.tidy()
		case <-sign.C:
			_ = l.checkpoint() // Err tells, and the next one tries again
		}
	}
}

// tidy is what Run does each second.
func (l *Log) tidy() {
	l.turn <- struct{}{}
	err := l.mend()
	<-l.turn
	if err != nil {
		l.o.Log.Debug().Err(err).Msg("the audit log is not whole yet")
	}
	l.watchDisk()
	l.drain(false)
	l.sealOld()
	if err := l.expire(); err != nil {
		l.o.Log.Warn().Err(err).Msg("old files of the audit log cannot be removed")
	}
}

// drain writes what was refused and what was counted. It is on disk with the next
// sync; what is lost before is counted again.
func (l *Log) drain(all bool) {
	for _, r := range l.refusals.take(all) {
		l.putLoose(r.record, func() { l.refusals.giveBack(&r) })
	}
	since, tallies := l.sums.take(l.o.Now(), all)
	for of, n := range tallies {
		l.putLoose(Record{Action: ActionSum, Outcome: of.Outcome, Reason: of.Reason, Principal: of.Principal, Ingress: of.Ingress,
			Channel: of.Channel, Routes: routes(of.Route), Since: since, Count: n.events, Bytes: n.bytes},
			func() { l.Count(of, n.events, n.bytes) })
	}
}

func routes(one string) []string {
	if one == "" {
		return nil
	}
	return []string{one}
}

// putLoose writes a record that nobody waits for; back is called when it is lost.
func (l *Log) putLoose(r Record, back func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.put([]Record{r}); err != nil {
		back()
		return
	}
	l.loose = append(l.loose, loose{l.written.tree.size, back})
}

// say writes a record of the log's own, if it can be written.
func (l *Log) say(r Record) {
	l.putLoose(r, func() {}) // it stands in the router's log, too
}
