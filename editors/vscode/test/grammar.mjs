// Colours every spec of the repository with the grammar, as editors do, and looks at what comes out.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";

const here = dirname(fileURLToPath(import.meta.url));
const wasm = createRequire(import.meta.url).resolve("vscode-oniguruma/release/onig.wasm");
await oniguruma.loadWASM(readFileSync(wasm).buffer);

const path = join(here, "..", "syntaxes", "spine.tmLanguage.json");
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(readFileSync(path, "utf8"), path),
});
const grammar = await registry.loadGrammar("source.spine");

function* coloured(text) {
  let state = textmate.INITIAL;
  for (const line of text.split(/\r?\n/)) {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    for (const { startIndex, endIndex, scopes } of tokens) {
      yield { text: line.slice(startIndex, endIndex), scope: scopes.at(-1) };
    }
  }
}

const EXPECTED = {
  'import "std/resnet.spine"': ["import keyword.control", '"std/resnet.spine" string.quoted'],
  "network a extends b {": ["network keyword.declaration", "a entity.name.type", "extends keyword.control"],
  "b2: bottleneck @4 <- s0, b1 => P4": [
    "b2 variable.other.definition",
    "bottleneck entity.name.function",
    "@ keyword.operator.level",
    "4 constant.numeric.level",
    "<- keyword.operator.arrow",
    "s0 variable.other",
    "=> keyword.operator.arrow",
  ],
  "input 3 x 640 x 640  # size": ["input keyword.other", "3 x 640 x 640 constant.numeric", " size comment.line"],
  "conv(bias = true) 3x3 / 2 -> 4 * width, norm": [
    "conv support.function",
    "bias variable.parameter",
    "true constant.language",
    "3x3 constant.numeric",
    "/ keyword.operator",
    "width keyword.other",
  ],
  "when source.channels == 4 and up { add(x) }": [
    "when keyword.control",
    "source.channels variable.other",
    "== keyword.operator.comparison",
    "and keyword.operator.word",
  ],
  "expect params = 22.1M within 1%": ["22.1M constant.numeric", "within keyword.other", "1% constant.numeric"],
};
for (const [line, expected] of Object.entries(EXPECTED)) {
  const found = [...coloured(line)].map(({ text, scope }) => `${text} ${scope}`);
  for (const each of expected) {
    assert.ok(found.some((one) => one.startsWith(each)), `${each} in\n${line}\n${found.join("\n")}`);
  }
}

const specs = join(here, "..", "..", "..", "specs");
const files = readdirSync(specs, { recursive: true }).filter((name) => name.endsWith(".spine"));
assert.ok(files.length > 20);
let count = 0;
for (const file of files) {
  for (const { text, scope } of coloured(readFileSync(join(specs, file), "utf8"))) {
    // Whatever isn't blank has a colour of its own.
    assert.ok(scope !== "source.spine" || text.trim() === "", `${file}: “${text}” has no colour`);
    count += 1;
  }
}
console.log(`${Object.keys(EXPECTED).length} lines, ${files.length} specs, ${count} tokens`);
