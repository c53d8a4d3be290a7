import {
  FIELDS_NOT_YET,
  VALUES_NOT_YET,
  bulkRequest,
  keyRequest,
  subscriptionRequest,
  taskRequest,
  forceEndRequest,
  maintenanceRequest,
  drainRequest,
  queueRequest,
  tenantRequest,
  workflowRequest,
  workflowTask,
  type FieldError,
  type JsonSchema,
} from '@yardmaster/contracts';
import { didYouMean } from '@yardmaster/domain';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';

/** Null = fine. `at` leads the paths of the faults, as in `tasks[3]`. */
export type SchemaCheck = (value: unknown, at?: string) => readonly FieldError[] | null;

const MOST_FAULTS = 50;
const options = {
  allowUnionTypes: true,
  strict: true,
  strictTypes: false,
  strictRequired: false,
  inlineRefs: true,
} as const;
const quick = new Ajv2020(options);
const thorough = new Ajv2020({ ...options, allErrors: true, verbose: true });

/** Compiled once. The common case runs a validator that stops at the first fault; only then a second one finds them all. */
function check(schema: JsonSchema): SchemaCheck {
  const passes = quick.compile(schema);
  let explain: ValidateFunction | null = null;
  return (value, at = '') => {
    if (passes(value)) return null;
    explain ??= thorough.compile(schema);
    explain(value);
    return faultsOf(explain.errors ?? [], at);
  };
}

export const checkTask = check(taskRequest);
export const checkBulk = check(bulkRequest);
export const checkWorkflow = check(workflowRequest);
export const checkWorkflowTask = check(workflowTask);
export const checkForceEnd = check(forceEndRequest);
export const checkMaintenance = check(maintenanceRequest);
export const checkDrain = check(drainRequest);
export const checkQueue = check(queueRequest);
export const checkTenant = check(tenantRequest);
export const checkKey = check(keyRequest);
export const checkSubscription = check(subscriptionRequest);

function faultsOf(errors: readonly ErrorObject[], at: string): readonly FieldError[] {
  const alternatives = new Set(
    errors
      .filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
      .map(({ schemaPath }) => schemaPath),
  );
  const faults = new Map<string, FieldError>();
  // A wrong type says more than the forms that it cannot have.
  const wrongTypes = new Set(
    errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath),
  );
  for (const error of errors) {
    if (error.keyword === 'oneOf' && wrongTypes.has(error.instancePath)) continue;
    // Faults of each alternative only confuse; a field that none of them knows is worth telling.
    const inAlternative = [...alternatives].some(
      (path) => error.schemaPath !== path && error.schemaPath.startsWith(`${path}/`),
    );
    if (inAlternative && error.keyword !== 'additionalProperties' && error.keyword !== 'enum') continue;
    if (error.keyword === 'propertyNames') continue;
    const fault = { path: pathOf(error, at), message: messageOf(error) };
    if (!faults.has(fault.path)) faults.set(fault.path, fault);
    if (faults.size >= MOST_FAULTS) break;
  }
  // A name that is not known explains what else is wrong beside it.
  return [...faults.values()].sort((a, b) => Number(!isOfName(a)) - Number(!isOfName(b)));
}

const isOfName = ({ message }: FieldError): boolean =>
  message.startsWith('there is no field') || message.endsWith('is not available yet');

function pathOf(error: ErrorObject, at: string): string {
  let path = at;
  for (const segment of error.instancePath.split('/').slice(1)) {
    const name = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    path = /^\d+$/.test(name) ? `${path}[${name}]` : join(path, name);
  }
  const params = error.params as { additionalProperty?: string; missingProperty?: string };
  const named =
    params.additionalProperty ?? params.missingProperty ?? (error as { propertyName?: string }).propertyName;
  return named === undefined ? path : join(path, named.slice(0, 200));
}

export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function messageOf(error: ErrorObject): string {
  const schema = (error.parentSchema ?? {}) as { description?: string; properties?: Record<string, unknown> };
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = (error.params as { additionalProperty: string }).additionalProperty;
      if (FIELDS_NOT_YET.has(name)) return `\`${name}\` is not available yet`;
      const meant = didYouMean(name, Object.keys(schema.properties ?? {}));
      const quoted = JSON.stringify(name.slice(0, 60));
      return meant === null
        ? `there is no field ${quoted} here`
        : `there is no field ${quoted} here: did you mean "${meant}"?`;
    }
    case 'required':
      return `\`${(error.params as { missingProperty: string }).missingProperty}\` is missing`;
    case 'enum':
      return enumMessage(error);
    case 'oneOf':
    case 'anyOf':
      return `${isEmpty(error.data) ? 'is empty: ' : ''}${schema.description ?? 'has none of the allowed forms'}`;
    case 'maxItems':
    case 'maxProperties':
      if ((error.params as { limit: number }).limit === 0)
        return `\`${lastName(error)}\` is not available yet`;
      return `has more than ${String((error.params as { limit: number }).limit)} entries`;
    case 'minItems':
    case 'minProperties':
      return 'is empty';
    case 'minLength':
      return 'is empty';
    case 'maxLength':
      return `is longer than ${String((error.params as { limit: number }).limit)} characters`;
    case 'pattern':
      return (error as { propertyName?: string }).propertyName === undefined
        ? `does not look like a ${lastName(error)} (${(error.params as { pattern: string }).pattern})`
        : 'is not a name that is allowed here';
    case 'type': {
      const type = (error.params as { type: string | string[] }).type;
      return `is ${kindOf(error.data)}; write ${[type].flat().map(nameOfType).join(' or ')}`;
    }
    default:
      return error.message ?? 'is not valid';
  }
}

function enumMessage(error: ErrorObject): string {
  const allowed = (error.params as { allowedValues: unknown[] }).allowedValues;
  const name = lastName(error);
  if (FIELDS_NOT_YET.has(name) && allowed.length === 1 && allowed[0] === false)
    return `\`${name}\` is not available yet`;
  const given = error.data;
  if (typeof given !== 'string') return `is one of ${allowed.map(String).join(', ')}`;
  const quoted = JSON.stringify(given.slice(0, 60));
  if (VALUES_NOT_YET[name]?.includes(given) === true)
    return `${quoted} is not available yet; use ${allowed.map(String).join(', ')}`;
  const meant = didYouMean(
    given,
    allowed.filter((value) => typeof value === 'string'),
  );
  return meant === null
    ? `${quoted} is not one of ${allowed.map(String).join(', ')}`
    : `${quoted} is not known: did you mean "${meant}"?`;
}

function lastName(error: ErrorObject): string {
  return error.instancePath.slice(error.instancePath.lastIndexOf('/') + 1);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return nameOfType(Array.isArray(value) ? 'array' : typeof value);
}

/** Types as JSON Schema calls them, in words that a writer of YAML knows too. */
function nameOfType(type: string): string {
  switch (type) {
    case 'array':
      return 'a list';
    case 'object':
      return 'a map';
    case 'integer':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    default:
      return `a ${type}`;
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
