import neostandard from 'neostandard'
import tseslint from 'typescript-eslint'

// neostandard says how the code looks; the typed rules find what a type can show to be wrong.
const typed = {
  files: ['src/**/*.ts', 'test/**/*.ts', 'console/**/*.ts', 'console/**/*.tsx'],
  plugins: { '@typescript-eslint': tseslint.plugin },
  languageOptions: {
    parser: tseslint.parser,
    parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname }
  },
  rules: {
    // A promise that nobody waits for: an error that nobody sees, a test that passes too early.
    '@typescript-eslint/no-floating-promises': ['error', {
      // A test ends when its subtests have ended: tap waits for them by itself.
      allowForKnownSafePromises: [{ from: 'package', name: 'PromiseWithSubtest', package: '@tapjs/core' }]
    }],
    '@typescript-eslint/no-misused-promises': 'error',
    '@typescript-eslint/await-thenable': 'error',
    '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],

    '@typescript-eslint/no-explicit-any': 'error',
    '@typescript-eslint/no-unsafe-argument': 'error',
    '@typescript-eslint/no-unsafe-assignment': 'error',
    '@typescript-eslint/no-unsafe-call': 'error',
    '@typescript-eslint/no-unsafe-member-access': 'error',
    '@typescript-eslint/no-unsafe-return': 'error',
    '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],
    '@typescript-eslint/no-unnecessary-type-assertion': 'error',
    '@typescript-eslint/no-non-null-assertion': 'error',
    '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'as' }],

    '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true, allowThrowingAny: false }],
    '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
    '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
    '@typescript-eslint/no-implied-eval': 'error',
    '@typescript-eslint/no-base-to-string': 'error',
    '@typescript-eslint/restrict-plus-operands': 'error',
    '@typescript-eslint/no-for-in-array': 'error',
    '@typescript-eslint/no-array-delete': 'error',
    '@typescript-eslint/require-array-sort-compare': ['error', { ignoreStringArrays: true }],
    '@typescript-eslint/no-meaningless-void-operator': 'error',

    '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
    '@typescript-eslint/no-import-type-side-effects': 'error',
    '@typescript-eslint/consistent-type-exports': 'error'
  }
}

export default tseslint.config(
  { ignores: ['dist/', '.tap/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ...neostandard({ ts: true }),
  typed,
  {
    rules: {
      eqeqeq: ['error', 'always'],
      // Keys are spelled as in the specifications and in YAML: client_id, expires_in.
      camelcase: 'off',
      'new-cap': ['error', { newIsCap: true, capIsNew: false, properties: false }],
      // How a promise is marked that nobody needs to wait for.
      'no-void': 'off',
      // `${NAME}` is gateway.yaml's notation, and control characters are what a guard looks for.
      'no-template-curly-in-string': 'off',
      'no-control-regex': 'off',
      'no-misleading-character-class': ['error', { allowEscape: true }],
      // Tables of short entries read better with several to a line.
      '@stylistic/object-property-newline': 'off',
      'no-restricted-syntax': ['error', {
        // Nothing that matters hangs on a truthy string: `??` says what it means.
        selector: 'AssignmentExpression[operator="||="]',
        message: 'Use ??=: an empty string or a zero is a value.'
      }]
    }
  },
  {
    // The core takes clock and chance as arguments.
    files: ['src/policy/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', 'process', 'fetch', 'setTimeout', 'setInterval', 'console'],
      'no-restricted-properties': ['error',
        { object: 'Date', property: 'now', message: 'The clock is an argument.' },
        { object: 'Math', property: 'random', message: 'Chance is an argument.' }]
    }
  }
)
