export * from './forms.js';
export * from './role-folds.js';
export * from './snapshot-form.js';
