#!/usr/bin/env node
// Adds up what the parents found.
const { readFileSync, writeFileSync } = process.getBuiltinModule('node:fs');

const parents = JSON.parse(readFileSync(process.env.YARD_PARENTS, 'utf8'));
const total = Object.values(parents).reduce((sum, { primes }) => sum + primes, 0);
console.log(
  Object.entries(parents)
    .map(([key, { primes }]) => `${key} ${primes}`)
    .join(' + '),
  '=',
  total,
);
writeFileSync(process.env.YARD_OUTPUT, JSON.stringify({ total }));
