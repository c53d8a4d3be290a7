import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** The layers and what each may import; `docs/` and CONTRIBUTING explain them. */
const layers = [
  { sourceTag: 'layer:kernel', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'layer:domain', onlyDependOnLibsWithTags: ['layer:kernel'] },
  { sourceTag: 'layer:contracts', onlyDependOnLibsWithTags: ['layer:kernel', 'layer:domain'] },
  { sourceTag: 'layer:ports', onlyDependOnLibsWithTags: ['layer:kernel', 'layer:domain', 'layer:contracts'] },
  {
    sourceTag: 'layer:adapters',
    onlyDependOnLibsWithTags: ['layer:kernel', 'layer:domain', 'layer:contracts', 'layer:ports'],
  },
  {
    sourceTag: 'layer:service-kit',
    onlyDependOnLibsWithTags: ['layer:kernel', 'layer:domain', 'layer:contracts', 'layer:ports'],
  },
  { sourceTag: 'layer:sdk', onlyDependOnLibsWithTags: ['layer:kernel', 'layer:contracts'] },
  {
    sourceTag: 'layer:testkit',
    onlyDependOnLibsWithTags: [
      'layer:kernel',
      'layer:domain',
      'layer:contracts',
      'layer:ports',
      'layer:adapters',
      'layer:service-kit',
      'layer:sdk',
    ],
  },
  {
    // Wires ports to adapters, the same for every app.
    sourceTag: 'layer:composition',
    onlyDependOnLibsWithTags: [
      'layer:kernel',
      'layer:contracts',
      'layer:ports',
      'layer:adapters',
      'layer:service-kit',
    ],
  },
  {
    sourceTag: 'layer:apps',
    onlyDependOnLibsWithTags: [
      'layer:composition',
      'layer:kernel',
      'layer:domain',
      'layer:contracts',
      'layer:ports',
      'layer:adapters',
      'layer:service-kit',
      'layer:sdk',
    ],
  },
  // It composes all services into one process.
  { sourceTag: 'layer:standalone', onlyDependOnLibsWithTags: ['layer:*'] },
];

/** A spec may use the testkit, whatever layer it tests. */
const specLayers = layers.map(({ sourceTag, onlyDependOnLibsWithTags }) => ({
  sourceTag,
  onlyDependOnLibsWithTags: [...onlyDependOnLibsWithTags, 'layer:testkit', sourceTag],
}));
const testkitCycles = ['kernel', 'domain', 'contracts', 'ports', 'servers', 'service-kit', 'sdk'].map(
  (name) => [`@yardmaster/${name}`, '@yardmaster/testkit'],
);

function boundaries(depConstraints) {
  const options = { enforceBuildableLibDependency: false, ignoredCircularDependencies: testkitCycles };
  return ['error', { ...options, allow: [], depConstraints }];
}

const node = {
  group: ['node:*', 'fs', 'path', 'crypto', 'os'],
  message: 'kernel and domain are pure: no I/O.',
};
const nest = { group: ['@nestjs/*'], message: 'NestJS lives in apps and service-kit only.' };
const adapters = ['archive-*', 'eventlog-*', 'readmodel-*', 'graph-*', 'blob-*', 'keystore-*', 'servers'].map(
  (name) => `@yardmaster/${name}`,
);

/** Packages that may be imported from nowhere but the folders that `allowed` leaves out. */
function restrict(files, patterns) {
  return { files, rules: { 'no-restricted-imports': ['error', { patterns }] } };
}

export default tseslint.config(
  { ignores: ['**/dist', '**/node_modules', '.nx', '**/coverage', '.yard', '**/*.d.ts'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    plugins: { '@nx': nx },
    languageOptions: {
      parserOptions: { project: ['./tsconfig.lint.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@nx/enforce-module-boundaries': boundaries(layers),
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `return done();` reads well as an early exit.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // A module of Nest is a class with a decorator and nothing in it.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // An async method of a port may have nothing to wait for in one adapter.
      '@typescript-eslint/require-await': 'off',
      // Index signatures are read with brackets, so that a typo in a declared name stays an error.
      '@typescript-eslint/dot-notation': 'off',
      // A type alias is the right thing for unions' members; either form is clear.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // `!` after a check that the compiler cannot follow is reviewed by people.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Codecs and parsers guard against what the types rule out: the bytes come from outside.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // A Promise-returning listener is fine where its errors are handled inside.
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
      // Drivers declare their option records as classes.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off', // A copied environment without some names.
      '@typescript-eslint/no-empty-function': ['error', { allow: ['arrowFunctions'] }],
      '@typescript-eslint/consistent-type-imports': 'off', // Its fix breaks Nest's injection.
      '@typescript-eslint/unified-signatures': 'off', // Two signatures with two doc comments read better.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off', // They carry meaning in codecs.
      '@typescript-eslint/prefer-promise-reject-errors': 'off', // Rethrowing an unknown cause is right.
      '@typescript-eslint/only-throw-error': ['error', { allowRethrowing: true, allowThrowingUnknown: true }],
    },
  },
  restrict(
    ['libs/kernel/src/**/*.ts'],
    [node, nest, { group: ['@yardmaster/*'], message: 'kernel imports nothing.' }],
  ),
  restrict(
    ['libs/domain/src/**/*.ts'],
    [
      node,
      nest,
      {
        regex: '^(?!\\.|@yardmaster/kernel$|@yardmaster/testkit$|vitest$|fast-check$)',
        message: 'domain imports the kernel only; its specs the testkit too.',
      },
    ],
  ),
  restrict(
    ['libs/contracts/src/**/*.ts', 'libs/ports/src/**/*.ts'],
    [nest, { group: adapters, message: 'an adapter depends on ports, never the other way round.' }],
  ),
  {
    files: ['libs/service-kit/src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          name: '@yardmaster/domain',
          allowTypeImports: true,
          message: 'service-kit knows events, not rules.',
        },
      ],
    },
  },
  restrict(['libs/adapters/**/*.ts', 'libs/sdk/src/**/*.ts'], [nest]),
  {
    // Specs read what they have just put there, and pass fakes of libraries around.
    files: ['**/*.spec.ts', 'libs/testkit/**/*.ts', 'test/**/*.ts'],
    rules: {
      '@nx/enforce-module-boundaries': boundaries(specLayers),
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
