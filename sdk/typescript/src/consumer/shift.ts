/// <reference types="node" />
import { Pull } from "zeromq";
import { connect } from "./connect.js";
import type { Counts } from "./counts.js";
import { failedCheck, type Gate, type Opened } from "./gate.js";
import { brief, type Log } from "./log.js";
import type { Memory } from "./memory.js";
import type { Lease } from "./replier.js";
import { Replies } from "./replies.js";
import { sealed, type Curve } from "./socket.js";
import { done, ends, Failed, Retry, undone, type BatchWork, type Settlement, type Work } from "./work.js";

/** Events that are held at most: the largest window that a router gives one connection. */
const MAX_HELD = 4096;

/** Bytes of deliveries that wait for their key, each counted with PARKED_COST for itself. */
const MAX_PARKED = 64 << 20;
const PARKED_COST = 512;

export interface ShiftOptions {
  readonly connect: readonly string[];
  readonly curve?: Curve | undefined;
  readonly parallel: number;
  readonly progressEvery: number;
  readonly grace: number;
  readonly log: Log;
  readonly doing: Doing;
}

/** An event to work on, with every lease it was delivered under. */
interface Job {
  readonly name: string;
  opened: Opened; // the last before the work began
  readonly leases: Lease[];
}

/** One address that deliveries come by, and the right that came by it last. */
interface Line {
  readonly socket: Pull;
  last?: Lease;
}

/** How work is done: one event at a time, or several. */
export type Doing = { readonly work: Work } | { readonly batch: number; readonly work: BatchWork };

/** One run of a consumer: what is held, and what becomes of it. */
export class Shift {
  readonly #o: ShiftOptions;
  readonly #gate: Gate;
  readonly #memory: Memory;
  readonly #counts: Counts;
  readonly #doing: Doing;
  readonly #replies: Replies;
  readonly #working = new AbortController();
  readonly #held = new Map<string, Job>(); // begun or waiting
  readonly #running = new Set<Promise<void>>();
  #waiting: Job[] = [];
  #beginning: NodeJS.Immediate | undefined;
  #parked: { readonly frames: readonly Uint8Array[]; readonly from: Line }[] = [];
  #parkedSize = 0;
  #ending = false;
  #full: (() => void)[] = []; // who waits for room among what is held

  constructor(o: ShiftOptions, gate: Gate, memory: Memory, counts: Counts) {
    this.#o = o;
    this.#gate = gate;
    this.#memory = memory;
    this.#counts = counts;
    this.#doing = o.doing;
    this.#replies = new Replies(o.curve, counts);
  }

  /** Takes deliveries until the signal ends it, then lets work end, replies and takes leave. */
  async run(signal: AbortSignal): Promise<void> {
    const life = new AbortController();
    const progress = setInterval(() => this.#report(), this.#o.progressEvery);
    const keys = this.#gate.run(life.signal, () => this.#unpark());
    const lines: Line[] = [];
    const receiving: Promise<void>[] = [];
    try {
      for (const address of this.#o.connect) {
        const socket = new Pull({ linger: 0, ...sealed(this.#o.curve) });
        lines.push({ socket });
        connect(socket, address, this.#o.log);
      }
      receiving.push(...lines.map((line) => this.#receive(line)));
      await Promise.race([this.#end(signal, life.signal), ...receiving]);
    } finally {
      this.#ending = true;
      const late = setTimeout(() => this.#working.abort(), this.#o.grace);
      await Promise.all(this.#running);
      clearTimeout(late);
      clearInterval(progress);
      for (const { last } of lines) if (last) this.#replies.send(last, { goodbye: true });
      await this.#replies.close();
      for (const { socket } of lines) socket.close();
      this.#roomed();
      await Promise.allSettled(receiving);
      life.abort();
      await keys;
    }
  }

  /** Resolves when the signal has ended it; nothing is begun from that moment on. */
  #end(signal: AbortSignal, life: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#ending = true;
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { signal: life });
    });
  }

  async #receive(line: Line): Promise<void> {
    for await (const frames of line.socket) {
      while (this.#held.size >= MAX_HELD && !this.#ending) await new Promise<void>((room) => this.#full.push(room));
      if (!this.#ending) this.#take(frames, line); // else the goodbye gives it back
    }
  }

  #take(frames: readonly Uint8Array[], from: Line): void {
    try {
      this.#hold(this.#gate.open(frames), from);
    } catch (thrown) {
      const check = failedCheck(thrown);
      this.#gate.refuse(check);
      if (check === "kid") this.#park(frames, from);
    }
    this.#begin();
  }

  /**
   * Takes in a delivery that was opened. Of an event that was done it is answered
   * again; of one that is held it is answered with the other.
   */
  #hold(opened: Opened, from: Line): void {
    const { id, source, lease, reply } = opened.header;
    if (!lease || !reply || !this.#reaches(reply)) {
      this.#gate.refuse("reply");
      return;
    }
    const right = { id, source, lease, reply };
    from.last = right;
    const name = JSON.stringify([source, id]);
    if (this.#memory.has(name)) {
      this.#counts.repeated++;
      const result = this.#memory.result(name);
      this.#replies.send(right, { status: "done", ...(result !== undefined && { result }) });
      return;
    }
    const job = this.#held.get(name);
    if (!job) {
      const job = { name, opened, leases: [right] };
      this.#held.set(name, job);
      this.#waiting.push(job);
      return;
    }
    this.#counts.repeated++;
    if (job.leases.some((known) => known.lease === lease)) return;
    job.leases.push(right);
    if (this.#waiting.includes(job)) job.opened = opened;
  }

  #reaches(address: string): boolean {
    try {
      this.#replies.to(address);
      return true;
    } catch {
      return false;
    }
  }

  /** Begins what has waited longest, as far as there are hands. */
  #begin(): void {
    if (!("batch" in this.#doing)) this.#beginNow(1);
    else if (this.#beginning === undefined) {
      const { batch } = this.#doing;
      this.#beginning = setImmediate(() => { // what comes at once goes into one batch
        this.#beginning = undefined;
        this.#beginNow(batch);
      });
    }
  }

  #beginNow(count: number): void {
    while (!this.#ending && this.#running.size < this.#o.parallel && this.#waiting.length > 0) {
      const jobs = this.#fresh(count);
      if (jobs.length === 0) return;
      const running = this.#perform(jobs).then(() => {
        this.#running.delete(running);
        this.#begin();
      });
      this.#running.add(running);
    }
  }

  /** Takes so many of what waits, without what has expired by now. */
  #fresh(count: number): Job[] {
    const jobs: Job[] = [];
    let at = 0;
    for (; at < this.#waiting.length && jobs.length < count; at++) {
      const job = this.#waiting[at]!;
      if (Math.floor(Date.now() / 1000) <= job.opened.header.exp) jobs.push(job);
      else this.#settle(job, undone(new Retry("expired while it waited")));
    }
    this.#waiting = this.#waiting.slice(at);
    return jobs;
  }

  /** Works on jobs and settles them, but for what was stopped: the goodbye gives that back. It never rejects. */
  async #perform(jobs: readonly Job[]): Promise<void> {
    const { signal } = this.#working;
    try {
      const ended = await this.#work(jobs, signal);
      jobs.forEach((job, n) => this.#settle(job, ended[n] instanceof Error ? this.#caught(ended[n]) : done(ended[n])));
    } catch (thrown) {
      if (signal.aborted && isAbort(thrown, signal)) return;
      const settlement = this.#caught(thrown);
      for (const job of jobs) this.#settle(job, settlement);
    }
  }

  async #work(jobs: readonly Job[], signal: AbortSignal): Promise<readonly unknown[]> {
    if ("batch" in this.#doing) return ends(await this.#doing.work(jobs.map(({ opened }) => opened), { signal }), jobs.length);
    const { event, header, frames } = jobs[0]!.opened;
    return [await this.#doing.work(event, { header, frames, signal })];
  }

  #caught(thrown: unknown): Settlement {
    if (!(thrown instanceof Retry || thrown instanceof Failed)) {
      this.#counts.thrown++;
      this.#o.log({ level: "error", text: `work threw: ${brief(thrown)}`, cause: thrown });
    }
    return undone(thrown);
  }

  /** Replies to every lease of a job and forgets it. */
  #settle(job: Job, settlement: Settlement): void {
    this.#held.delete(job.name);
    for (const lease of job.leases) this.#replies.send(lease, settlement);
    const { status, reason } = settlement;
    if (status === "done") this.#memory.remember(job.name, settlement.result);
    this.#counts[status === "retry" ? "retried" : status]++;
    if (reason) this.#o.log({ level: "info", text: `${status} ${job.name}: ${brief(reason)}` });
    this.#roomed();
  }

  #roomed(): void {
    for (const room of this.#full.splice(0)) room();
  }

  /** Tells that everything held is in progress, what waits included: its clock runs too. */
  #report(): void {
    for (const { leases } of this.#held.values()) {
      for (const lease of leases) this.#replies.send(lease, { status: "progress" });
    }
  }

  /** Keeps a delivery until keys have been read again; without room it is dropped, and the router delivers again. */
  #park(frames: readonly Uint8Array[], from: Line): void {
    const size = frames.reduce((sum, frame) => sum + frame.length, PARKED_COST);
    if (this.#parkedSize + size <= MAX_PARKED) {
      this.#parked.push({ frames, from });
      this.#parkedSize += size;
    }
    this.#gate.want();
  }

  /** Opens again what waits for its key. */
  #unpark(): void {
    const parked = this.#parked;
    this.#parked = [];
    this.#parkedSize = 0;
    for (const { frames, from } of parked) {
      try {
        this.#hold(this.#gate.open(frames), from);
      } catch (thrown) {
        const check = failedCheck(thrown);
        if (check === "kid") this.#park(frames, from);
        else this.#gate.refuse(check);
      }
    }
    this.#begin();
  }
}

function isAbort(thrown: unknown, signal: AbortSignal): boolean {
  return thrown === signal.reason || (thrown as { name?: unknown } | null)?.name === "AbortError";
}
