/** What JSON makes of values: what a client may send for a type, and what it gets back. */

/** What JSON leaves out of an object, and makes null in a list. */
type Nothing = void | symbol | ((...args: never[]) => unknown)
type IsAny<T> = 0 extends 1 & T ? true : false
type Bytes = ArrayBuffer | ArrayBufferView | Blob | ReadableStream
type Collection = ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
type Fraction = string | number | boolean | null

/** A value after it went through JSON: a date is its text, so is a bigint; methods are gone, a map is empty. */
export type Serialised<T> =
  IsAny<T> extends true ? any
  : unknown extends T ? unknown
  : T extends Fraction ? T
  : T extends bigint ? `${bigint}`
  : T extends Nothing ? undefined
  : T extends { toJSON(...args: never[]): infer Json } ? Serialised<Json>
  : T extends Collection ? { readonly [name: string]: never }
  : T extends readonly unknown[] ? { [Index in keyof T]: Item<T[Index]> }
  : T extends object ? { [Name in keyof T as Kept<Name, T[Name]>]: Serialised<T[Name]> }
  : never

type Item<T> = IsAny<T> extends true ? any : T extends Nothing ? null : Serialised<T>
type Kept<Name, Value> =
  Name extends symbol ? never : IsAny<Value> extends true ? Name : [Value] extends [Nothing] ? never : Name

/** What a client may give where a function takes a `T`: a date or its text, a bigint or its digits. */
export type Given<T> =
  IsAny<T> extends true ? any
  : unknown extends T ? unknown
  : T extends Fraction | undefined | Blob ? T
  : T extends bigint ? bigint | `${bigint}`
  : T extends Date ? Date | string
  : T extends Nothing | Collection ? never
  : T extends { toJSON(...args: never[]): infer Json } ? T | Serialised<Json>
  : T extends readonly unknown[] ? { [Index in keyof T]: Given<T[Index]> }
  : T extends object ? { [Name in keyof T]: Given<T[Name]> }
  : never

/** A function's result as an answer's body: what is no JSON arrives as bytes, and of a `Response` nobody knows. */
export type Answered<T> =
  IsAny<T> extends true ? any
  : unknown extends T ? unknown
  : T extends Response | FormData ? unknown
  : T extends Bytes ? Blob
  : Serialised<T>
