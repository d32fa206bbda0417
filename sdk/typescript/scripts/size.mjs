// Prints what each entry adds to a bundle, minified and with gzip, and fails above the limits.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const KB = 1024;
const all = "*";

/** What is imported from where, the most bytes it may have, and what is taken for there already. */
const rows = [
  { names: all, from: "index", most: 3 * KB },
  { names: all, from: "dsse", most: 0.8 * KB, external: ["./bytes.js", "./event.js", "./key.js"] },
  { names: all, from: "batch", most: 0.7 * KB, external: ["./answer.js", "./bytes.js", "./error.js", "./event.js"] },
  { names: all, from: "oidc", most: 2.5 * KB },
  { names: all, from: "queue", most: 2 * KB, external: ["./index.js", "./bytes.js", "./event.js"] },
  { names: all, from: "zmtp", most: 2.5 * KB, external: ["./error.js", "../error.js"] },
];

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
let over = false;
for (const { names, from, most, external = [] } of rows) {
  const contents = names === all ? `export * from "./${from}.js"` : `export { ${names} } from "./${from}.js"`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: dist },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external,
    write: false,
  });
  const minified = outputFiles[0].contents;
  const zipped = gzipSync(minified, { level: 9 }).length;
  const entry = from === "index" ? "." : `./${from}`;
  const mark = zipped > most ? "  TOO LARGE" : "";
  console.log(`${entry.padEnd(8)} ${(names === all ? "all" : names).padEnd(27)} ${String(minified.length).padStart(6)} B  gzip ${String(zipped).padStart(5)} of ${Math.floor(most)} B${mark}`);
  over ||= zipped > most;
}
if (over) process.exitCode = 1;
