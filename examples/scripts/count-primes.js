#!/usr/bin/env node
// Counts the primes of the range that the input names. Runs as a module or not, wherever it is put.
const { readFileSync, writeFileSync } = process.getBuiltinModule('node:fs');

const { range } = JSON.parse(readFileSync(process.env.YARD_INPUT, 'utf8'));
const { plan } = JSON.parse(readFileSync(process.env.YARD_PARENTS, 'utf8'));
const [from, to] = plan[range];

let primes = 0;
for (let n = from; n <= to; n++) {
  let d = 2;
  while (d * d <= n && n % d !== 0) d++;
  if (d * d > n) primes++;
}
console.log(`${primes} primes from ${from} to ${to}`);
writeFileSync(process.env.YARD_OUTPUT, JSON.stringify({ primes }));
