/** A column of numbers some of which may be missing; null when all of them are. */
export type NullableNumbers = Float64Array | null;

/** None of them is NaN, which stands for a missing one. */
export function packNullable(values: readonly (number | null)[]): NullableNumbers {
  return values.every((value) => value === null) ? null : Float64Array.from(values, (value) => value ?? NaN);
}

export function nullableAt(column: NullableNumbers, row: number): number | null {
  const value = column?.[row] ?? NaN;
  return Number.isNaN(value) ? null : value;
}
