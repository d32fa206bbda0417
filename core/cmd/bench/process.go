package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// noProc is the reason for what is missing where there is no proc(5).
const noProc = "the system has no /proc to ask"

// rssAnon gives a process's anonymous resident memory in MiB (proc_pid_status(5)).
func rssAnon(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return parseRSSAnon(text)
}

func parseRSSAnon(status []byte) (float64, error) {
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), "RssAnon:"); found {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("status has no RssAnon")
}

// withoutProc is noProc where there is no /proc, else empty.
func withoutProc() string {
	if _, err := cpuTime(os.Getpid()); errors.Is(err, os.ErrNotExist) {
		return noProc
	}
	return ""
}

// cpuSince gives what a process has used since before, zero without /proc.
func cpuSince(pid int, before time.Duration) (time.Duration, error) {
	now, err := cpuTime(pid)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	return now - before, err
}

// clockTick is the unit of /proc's times: sysconf(_SC_CLK_TCK) is 100 on every
// Linux that Go runs on.
const clockTick = time.Second / 100

// cpuTime gives what a process has used so far, in user and system mode
// (proc_pid_stat(5), fields 14 and 15).
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseCPUTime(string(text))
}

func parseCPUTime(stat string) (time.Duration, error) {
	// The name, field 2, stands in parentheses and may hold anything.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("stat is short")
	}
	user, uerr := strconv.ParseInt(fields[11], 10, 64)
	system, serr := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, errors.Join(uerr, serr)
}
