#!/usr/bin/env node
// Verifies estim records, written from docs/record-format.md alone. No dependencies.
//   node verify.mjs FOLDER... [--keys FILE] [--json]      a session's folder each
//   node verify.mjs --chain FILE [--keys FILE] [--json]   a master or station chain
// Exit: 0 all good, 1 something wrong, 2 bad usage.
import { createHash, createPublicKey, verify as ed25519 } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const GENESIS = "0".repeat(64);
const LINE_MAX = 1024 * 1024;
const DEPTH_MAX = 254; // lists and objects within one another, the line's own among them
const LINE_KEYS = "fields,hash,kind,n,prev,simulated,t_us";
const SPKI = Buffer.from("302a300506032b6570032100", "hex"); // DER around the 32 bytes of an Ed25519 key (RFC 8410)

class Bad extends Error {}
const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const keyId = (hex) => sha256(Buffer.from(hex, "hex")).slice(0, 16);
const isHex = (text, digits) => typeof text === "string" && text.length === digits && /^[0-9a-f]*$/.test(text);

function signed(publicHex, message, signatureHex) {
  if (!isHex(publicHex, 64) || !isHex(signatureHex, 128)) return false;
  const key = createPublicKey({ key: Buffer.concat([SPKI, Buffer.from(publicHex, "hex")]), format: "der", type: "spki" });
  return ed25519(null, message, key, Buffer.from(signatureHex, "hex"));
}

// Section 2: one spelling for each value.
function spell(value, depth = 1) {
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new Bad("a number is no integer below 2^53");
    return String(value);
  }
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new Bad("half a surrogate pair");
    return JSON.stringify(value);
  }
  if (depth > DEPTH_MAX) throw new Bad("lists and objects are nested too deep");
  if (Array.isArray(value)) return `[${value.map((one) => spell(one, depth + 1)).join(",")}]`;
  const keys = Object.keys(value).sort();
  for (const key of keys) if (!/^[\x00-\x7f]*$/.test(key)) throw new Bad("a key is not ASCII");
  return `{${keys.map((key) => `${JSON.stringify(key)}:${spell(value[key], depth + 1)}`).join(",")}}`;
}

function parse(raw) {
  if (raw.length > LINE_MAX) throw new Bad("a line is longer than 1 MB");
  let text, value;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
    value = JSON.parse(text);
  } catch {
    throw new Bad("a line is no JSON in UTF-8");
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Bad("a line is no object");
  if (spell(value) !== text) throw new Bad("a line is not in its canonical spelling");
  return value;
}

function without(object, ...names) {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !names.includes(key)));
}

// Section 3: the lines of one segment. Gives [lines, first bad or null, reason, torn, head].
function segment(data, n, prev, simulated) {
  const lines = [];
  const bad = (reason, torn = false) => ({ lines, firstBad: n, reason, torn, head: prev });
  let at = 0;
  while (at < data.length) {
    const end = data.indexOf(10, at);
    if (end < 0) return bad("the last line is unfinished", true);
    let line;
    try {
      line = parse(data.subarray(at, end));
      if (Object.keys(line).sort().join() !== LINE_KEYS) throw new Bad("a line has not exactly its seven keys");
      const types = [Number.isInteger(line.n), Number.isInteger(line.t_us), typeof line.kind === "string",
        typeof line.simulated === "boolean", typeof line.prev === "string", typeof line.hash === "string",
        line.fields !== null && typeof line.fields === "object" && !Array.isArray(line.fields)];
      if (types.includes(false)) throw new Bad("a value of a line has another type");
      if (line.n !== n) throw new Bad(`line ${n} says that it is line ${line.n}`);
      if (line.prev !== prev) throw new Bad(`line ${n} does not follow the line before it`);
      if (sha256(spell(without(line, "hash"))) !== line.hash) throw new Bad(`line ${n} was changed`);
      if (line.simulated !== (simulated ?? line.simulated)) throw new Bad(`line ${n} mixes simulated and real`);
      if (lines.length && line.t_us < lines.at(-1).t_us) throw new Bad(`line ${n} is earlier than the one before it`);
    } catch (error) {
      if (!(error instanceof Bad || error instanceof RangeError)) throw error; // RangeError: nested deeper than the stack
      return bad(error.message);
    }
    simulated = line.simulated;
    prev = line.hash;
    lines.push(line);
    n += 1;
    at = end + 1;
  }
  return { lines, firstBad: null, reason: "", torn: false, head: prev };
}

// Sections 3 to 6: a session's folder.
export function session(folder, trusted = {}) {
  const files = [];
  for (let index = 0; ; index += 1) {
    const path = join(folder, index === 0 ? "record.jsonl" : `record.${index}.jsonl`);
    if (!existsSync(path)) break;
    files.push(readFileSync(path));
  }
  const lines = [];
  const found = [];
  let torn = false;
  let head = GENESIS;
  for (const [index, data] of files.entries()) {
    const read = segment(data, lines.length, head, lines[0]?.simulated);
    lines.push(...read.lines);
    head = read.head;
    const last = index === files.length - 1;
    if (read.firstBad !== null && (last || !read.torn)) {
      found.push([read.firstBad, read.reason]);
      torn = read.torn;
      break;
    }
    if (index && read.lines.length && read.lines[0].kind !== "take-over") {
      found.push([read.lines[0].n, `segment ${index} does not begin with a take-over`]);
      break;
    }
  }
  if (!files.length) return { records: 0, ok: false, first_bad: 0, reason: "no record.jsonl", sealed: false, ending: "incomplete" };
  const own = {};
  for (const { fields } of lines) if (isHex(fields.public_key, 64) && keyId(fields.public_key) === fields.key_id) own[fields.key_id] = fields.public_key;
  const keys = { ...own, ...trusted };
  let prev = GENESIS;
  const signers = [];
  for (const line of lines) {
    const { fields, kind, n } = line;
    const has = "signature" in fields && "key_id" in fields;
    if ((kind === "checkpoint" || kind === "seal") && !has) {
      found.push([n, `line ${n}: a ${kind} without a signature`]);
      break;
    }
    if (has) {
      const said = spell({ fields: without(fields, "signature"), kind, n, prev, simulated: line.simulated, t_us: line.t_us });
      if (typeof fields.key_id !== "string" || !signed(keys[fields.key_id], Buffer.from(`estim checkpoint 1\n${said}`), fields.signature)) {
        found.push([n, `line ${n}: the signature does not fit, or its key is not known`]);
        break;
      }
      signers.push(fields.key_id);
    }
    prev = line.hash;
  }
  if (lines.length && lines[0].kind !== "header") found.push([0, "the record does not begin with a header"]);
  const early = lines.slice(0, -1).find((line) => line.kind === "seal");
  if (early) found.push([early.n + 1, "lines follow the seal"]);
  const end = lines.at(-1);
  if (!found.length && end?.kind === "seal" && !digestsFit(lines, files)) found.push([end.n, "the seal does not sign these files"]);
  const foreign = Object.keys(trusted).length > 0 && lines[0]?.simulated === false && !(signers.length && signers.every((id) => id in trusted));
  if (!found.length && foreign && end?.kind === "seal") found.push([end.n, "signed by a key that is not trusted"]);
  found.sort((a, b) => a[0] - b[0]);
  const sealed = !found.length && end?.kind === "seal";
  const taken = lines.some((line) => line.kind === "take-over");
  const ending = sealed ? (taken ? "take-over" : "complete") : torn ? "torn" : "incomplete";
  const unsealed = lines.length ? "the session was not sealed: lines were cut off, or its process ended before its end" : "there is no line in it";
  const reason = found[0]?.[1] ?? (sealed ? "" : unsealed);
  return { records: lines.length, ok: sealed, first_bad: found[0]?.[0] ?? null, reason, sealed, ending };
}

function digestsFit(lines, files) {
  const said = lines.at(-1).fields.segments;
  if (said === undefined) return !(Number.isInteger(lines[0].fields.format) && lines[0].fields.format >= 3);
  const last = files.at(-1);
  const parts = [...files.slice(0, -1), last.subarray(0, last.lastIndexOf(10, last.length - 2) + 1)];
  return spell(said) === spell(parts.map((data) => ({ bytes: data.length, sha256: sha256(data) })));
}

// Section 7: a chain of signed lines.
export function chain(data, trusted = {}) {
  let prev = GENESIS;
  let n = 0;
  const wrong = (reason) => ({ ok: false, lines: n, first_bad: n, reason });
  for (let at = 0; at < data.length; n += 1) {
    const end = data.indexOf(10, at);
    if (end < 0) return wrong("the last line is unfinished");
    try {
      const line = parse(data.subarray(at, end));
      if (line.n !== n || line.prev !== prev) throw new Bad(`line ${n} is not where it belongs`);
      if (sha256(spell(without(line, "hash", "signature"))) !== line.hash) throw new Bad(`line ${n} was changed`);
      if (!isHex(line.signature, 128)) throw new Bad(`line ${n}: no signature`);
      const key = trusted[line.key_id];
      if (Object.keys(trusted).length && !signed(key, Buffer.from(line.hash, "hex"), line.signature)) throw new Bad(`line ${n} is not signed by a trusted key`);
      prev = line.hash;
    } catch (error) {
      if (!(error instanceof Bad || error instanceof RangeError)) throw error;
      return wrong(error.message);
    }
    at = end + 1;
  }
  return { ok: true, lines: n, first_bad: null, reason: "" };
}

export function keysOf(path) {
  // A file that is not there, or a key that is none, would leave a record to the keys that it brings along.
  if (!existsSync(path)) throw new Bad(`${path}: there is no such file of keys`);
  const pairs = readFileSync(path, "latin1").split("\n").filter(Boolean).map((line) => line.split(" "));
  const odd = pairs.find((pair) => pair.length !== 2 || !isHex(pair[1], 64) || keyId(pair[1]) !== pair[0]);
  if (odd) throw new Bad(`${path}: no key: ${odd.join(" ")}; a key id, a blank and its public key are needed`);
  return Object.fromEntries(pairs);
}

function main(words) {
  const folders = [];
  const results = [];
  let keys = {};
  let chainFile = null;
  let json = false;
  for (let at = 0; at < words.length; at += 1) {
    if (words[at] === "--keys") {
      try {
        keys = keysOf(words[++at] ?? "");
      } catch (error) {
        if (!(error instanceof Bad)) throw error;
        return console.error(error.message), 2;
      }
    } else if (words[at] === "--chain") chainFile = words[++at];
    else if (words[at] === "--json") json = true;
    else folders.push(words[at]);
  }
  if (!folders.length && !chainFile) return console.error("usage: verify.mjs FOLDER... | --chain FILE [--keys FILE] [--json]"), 2;
  if (chainFile) results.push({ path: chainFile, ...chain(readFileSync(chainFile), keys) });
  for (const folder of folders) results.push({ path: folder, ...session(folder, keys) });
  if (json) console.log(JSON.stringify({ ok: results.every((one) => one.ok), results }));
  else for (const one of results) console.log(`${one.path}: ${one.ok ? "verified" : `NOT VERIFIED, ${one.first_bad === null ? "" : `${one.first_bad}: `}${one.reason}`}${one.ending ? `, ${one.ending}` : ""}`);
  return results.every((one) => one.ok) ? 0 : 1;
}

if (process.argv[1]?.endsWith("verify.mjs")) process.exitCode = main(process.argv.slice(2));
