/** A JSON Schema (2020-12) as plain data: checked by the gateway, printed in /openapi.json. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export const text = (maxLength: number, more: JsonSchema = {}): JsonSchema => ({
  type: 'string',
  minLength: 1,
  maxLength,
  ...more,
});
export const list = (items: JsonSchema, more: JsonSchema = {}): JsonSchema => ({
  type: 'array',
  items,
  ...more,
});
/** An object that refuses what it does not know. */
export const closed = (
  properties: Readonly<Record<string, JsonSchema>>,
  more: JsonSchema = {},
): JsonSchema => ({ type: 'object', additionalProperties: false, properties, ...more });
/** An answer: more fields may come later. */
export const open = (
  properties: Readonly<Record<string, JsonSchema>>,
  more: JsonSchema = {},
): JsonSchema => ({ type: 'object', properties, required: Object.keys(properties), ...more });
export const mapOf = (values: JsonSchema, names: string, maxProperties: number): JsonSchema => ({
  type: 'object',
  propertyNames: { pattern: names },
  additionalProperties: values,
  maxProperties,
});
export const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });
export const nullable = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });

/** Names that objects of JavaScript treat specially are never keys. */
export const MAP_KEY = '^(?!__proto__$)[^\\u0000-\\u001f\\u007f]{1,200}$';
export const ENV_NAME = '^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]{0,199}$';
export const TASK_KEY = '^(?!__proto__$)[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}$';
