import { defineConfig } from 'vitest/config';

if (Number(process.versions.node.split('.')[0]) < 24) {
  throw new Error(`the specs need Node 24, this is ${process.versions.node}: use npm test, or npx vitest`);
}

const conditions = ['@yardmaster/source'];
const resolution = {
  resolve: { conditions },
  ssr: { resolve: { conditions } },
};
const never = ['**/node_modules/**', '**/dist/**'];

export default defineConfig({
  ...resolution,
  test: {
    projects: [
      {
        ...resolution,
        test: {
          name: 'unit',
          // Nothing here is timed: on a machine that does other things too, a minute is not yet a hang.
          testTimeout: 60_000,
          setupFiles:
            process.env['CI'] === undefined ? [] : ['libs/testkit/src/properties/same-histories.ts'],
          include: [
            'libs/**/*.spec.ts',
            'apps/**/*.spec.ts',
            'docs/**/*.spec.ts',
            'scripts/**/*.spec.ts',
            'examples/**/*.spec.ts',
            'test/checkers/**/*.spec.ts',
            'test/faults/judge/**/*.spec.ts',
            'test/sim/**/*.spec.ts',
          ],
          exclude: [...never, '**/*.int.spec.ts'],
        },
      },
      {
        ...resolution,
        test: {
          name: 'int',
          include: ['libs/**/*.int.spec.ts', 'apps/**/*.int.spec.ts'],
          exclude: never,
          globalSetup: ['libs/testkit/src/servers/global-setup.ts'],
          testTimeout: 60_000,
          // Real servers on a shared machine: there, one more try tells a stall from a fault.
          retry: process.env['CI'] === undefined ? 0 : 1,
          hookTimeout: 120_000,
        },
      },
      {
        ...resolution,
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.spec.ts'],
          exclude: never,
          testTimeout: 180_000,
          retry: process.env['CI'] === undefined ? 0 : 1,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
