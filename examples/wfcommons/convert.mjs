#!/usr/bin/env node
// Turns a recorded execution (WfCommons, in its neutral form) into a yard workflow of sleeps.
// Needs nothing but Node; `--help` says more.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { pathToFileURL } from 'node:url';

const USAGE = `usage: convert.mjs FILE [--time-scale X] [--cores] [--memory] [--name NAME] [-o OUT]

FILE   a recorded execution, JSON or gzipped JSON:
       {name, source, tasks: [{id, runtimeSeconds, cores, memoryBytes, parents: [id...]}]}

--time-scale X   a task sleeps its recorded runtime times X (default 0.01)
--cores          ask for as many cores as were recorded (default: one for each task)
--memory         ask for as much memory as was recorded (default: none)
--name NAME      name of the workflow (default: the record's)
-o, --output     where to write (default: stdout)

example: node examples/wfcommons/convert.mjs blast.json.gz --time-scale 0.005 -o blast.yaml
         yard run blast.yaml
`;

/**
 * The workflow as YAML. Each task keeps its dependencies and becomes `sleep` for its scaled runtime.
 * Throws an Error when the record is not of that form.
 */
export function convert(
  record,
  { timeScale = 0.01, cores = false, memory = false, name = record?.name } = {},
) {
  if (!Array.isArray(record?.tasks) || record.tasks.length === 0)
    throw new Error('the record holds no tasks');
  if (!(timeScale >= 0) || !Number.isFinite(timeScale))
    throw new Error('the time scale is a number, 0 or more');
  const keys = keysOf(record.tasks);
  const lines = [`name: ${JSON.stringify(String(name ?? 'recorded'))}`, 'tasks:'];
  for (const task of record.tasks) {
    const { id, runtimeSeconds, parents = [] } = task;
    if (!(runtimeSeconds >= 0)) throw new Error(`task ${id}: its runtime is not a number`);
    const needs = [...new Set(parents)].map((parent) => {
      const key = keys.get(parent);
      if (key === undefined) throw new Error(`task ${id}: its parent ${parent} is not in the record`);
      return key;
    });
    const resources = {
      cpu: cores ? Math.max(1, task.cores ?? 1) : 1,
      ...(memory && task.memoryBytes > 0 ? { memory: task.memoryBytes } : {}),
    };
    const fields = [
      `run: {command: [sleep, "${seconds(runtimeSeconds * timeScale)}"]}`,
      `resources: ${JSON.stringify(resources)}`,
    ];
    if (needs.length > 0) fields.push(`dependsOn: ${JSON.stringify(needs)}`);
    lines.push(`  ${JSON.stringify(keys.get(id))}: {${fields.join(', ')}}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Whole milliseconds, never in the form 1e-7, which sleep does not read. */
function seconds(value) {
  return String(Number(value.toFixed(3)));
}

/** Ids as keys that a yard takes; what it would not take is replaced. */
function keysOf(tasks) {
  const keys = new Map();
  const taken = new Set();
  for (const { id } of tasks) {
    if (keys.has(id)) throw new Error(`task ${id} is there twice`);
    const plain =
      String(id)
        .replace(/[^A-Za-z0-9_.:-]/g, '_')
        .replace(/^[^A-Za-z0-9_]/, '_')
        .slice(0, 190) || '_';
    let key = plain;
    for (let n = 2; taken.has(key); n++) key = `${plain}-${n}`;
    taken.add(key);
    keys.set(id, key);
  }
  return keys;
}

export function readRecord(file) {
  const bytes = readFileSync(file);
  const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  return JSON.parse(text.toString('utf8'));
}

function main() {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        'time-scale': { type: 'string', default: '0.01' },
        cores: { type: 'boolean' },
        memory: { type: 'boolean' },
        name: { type: 'string' },
        output: { type: 'string', short: 'o' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    return fail(error.message);
  }
  const { values, positionals } = parsed;
  if (values.help) return void process.stdout.write(USAGE);
  if (positionals.length !== 1) return fail('exactly one file');
  const { cores, memory, name } = values;
  try {
    const yaml = convert(readRecord(positionals[0]), {
      timeScale: Number(values['time-scale']),
      cores,
      memory,
      ...(name === undefined ? {} : { name }),
    });
    if (values.output === undefined) process.stdout.write(yaml);
    else writeFileSync(values.output, yaml);
  } catch (error) {
    fail(error.message, '');
  }
}

function fail(message, usage = USAGE) {
  process.stderr.write(`convert: ${message}\n${usage}`);
  process.exitCode = 2;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main();
