// Follow a file of keys through what becomes of it.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { KeyFile } from "../keyfile.mjs";

function number(text) {
  assert.match(text, /^\d+$/);
  return Number(text);
}

test("changes", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "keys-"));
  t.after(() => rmSync(folder, { recursive: true }));
  let time = 100_000;
  t.mock.method(performance, "now", () => time);
  const told = t.mock.method(console, "error", () => {});
  const path = join(folder, "keys");

  // Puts a version in place as Kubernetes does: files are links through ..data.
  function swap(version, text) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, "keys"), text);
    symlinkSync(version, join(folder, "..next"));
    renameSync(join(folder, "..next"), join(folder, "..data"));
  }
  function at(ms, value, lines) {
    time += ms;
    assert.equal(file.now(), value);
    assert.equal(told.mock.callCount(), lines);
  }

  swap("..v1", "1");
  symlinkSync("..data/keys", path);
  const file = new KeyFile(path, number);
  at(5000, 1, 0);
  swap("..v2", "2");
  at(900, 1, 0);
  at(100, 2, 0);
  writeFileSync(path, "3"); // in place, with as many bytes
  at(1000, 3, 0);
  writeFileSync(path, "x");
  at(1000, 3, 1);
  at(1000, 3, 1);
  unlinkSync(path);
  at(1000, 3, 2);
  at(1000, 3, 2);
  writeFileSync(path, "3"); // as it was
  at(1000, 3, 2);
  unlinkSync(path);
  at(1000, 3, 3);
  writeFileSync(path, "4");
  at(1000, 4, 3);
  assert.match(told.mock.calls[0].arguments[0], /keys changes nothing: /);
});

test("a start without keys", () => {
  assert.throws(() => new KeyFile("/nowhere/keys", number), /ENOENT/);
  assert.throws(() => new KeyFile("/dev/null", number));
});
