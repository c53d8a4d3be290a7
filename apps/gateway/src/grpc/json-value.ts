/** google.protobuf.Value, as proto-loader shows it. */
export interface ProtoValue {
  nullValue?: 'NULL_VALUE' | 0;
  numberValue?: number;
  stringValue?: string;
  boolValue?: boolean;
  structValue?: { fields?: Record<string, ProtoValue> };
  listValue?: { values?: ProtoValue[] };
}

/** What nests deeper than this is refused later by the same rule as over HTTP. */
const DEEPEST = 200;

export function toJson(value: ProtoValue, level = 0): unknown {
  if (level > DEEPEST) return null;
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.numberValue !== undefined) return value.numberValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.listValue !== undefined)
    return (value.listValue.values ?? []).map((item) => toJson(item, level + 1));
  if (value.structValue !== undefined)
    return Object.fromEntries(
      Object.entries(value.structValue.fields ?? {}).map(([name, item]) => [name, toJson(item, level + 1)]),
    );
  return null;
}

export function fromJson(value: unknown): ProtoValue {
  switch (typeof value) {
    case 'string':
      return { stringValue: value };
    case 'number':
      return { numberValue: value };
    case 'boolean':
      return { boolValue: value };
    case 'object':
      if (value === null) return { nullValue: 'NULL_VALUE' };
      if (Array.isArray(value)) return { listValue: { values: value.map(fromJson) } };
      return {
        structValue: {
          fields: Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fromJson(item)])),
        },
      };
    default:
      return { nullValue: 'NULL_VALUE' };
  }
}
