// Builds what the console sends to the browser: dist/NAME-HASH.{js,css}, each also as .br, and dist/manifest.json,
// which says how an entry is called now. Run it by `npm run build`; nothing of dist/ is committed.
import { readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress } from "node:zlib";
import { build } from "esbuild";

const DIST = "dist";
const ENTRIES = ["console.js", "console.css", "docs.js"];
// A console that runs, and a page that somebody has open, still ask for the names of the build before.
const KEPT_MILLISECONDS = 24 * 3600 * 1000;

const { metafile } = await build({
  entryPoints: ENTRIES,
  outdir: DIST,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: true, // console.js loads the editor and the charts where a page has one
  format: "esm",
  minify: true,
  target: ["es2022"],
  legalComments: "linked", // the licences of what is bundled, in a file beside it
  metafile: true,
  logLevel: "warning",
});

const compress = promisify(brotliCompress);
const manifest = {};
const made = new Set(["manifest.json"]);
for (const [path, output] of Object.entries(metafile.outputs)) {
  if (output.entryPoint && ENTRIES.includes(output.entryPoint)) manifest[output.entryPoint] = basename(path);
  if (output.cssBundle) manifest[`${basename(output.entryPoint, ".js")}.css`] = basename(output.cssBundle);
  if (/\.(js|css)$/.test(path)) await writeFile(`${path}.br`, await compress(await readFile(path)));
  made.add(basename(path)).add(`${basename(path)}.br`);
}
await writeFile(join(DIST, "manifest.new"), JSON.stringify(manifest, null, 2));
await rename(join(DIST, "manifest.new"), join(DIST, "manifest.json"));

for (const name of await readdir(DIST)) {
  const path = join(DIST, name);
  if (!made.has(name) && Date.now() - (await stat(path)).mtimeMs > KEPT_MILLISECONDS) await rm(path);
}
