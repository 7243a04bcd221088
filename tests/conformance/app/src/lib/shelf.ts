/** A service that is built once for as long as whatever holds it lives. */
export class Shelf {
  #built = 0

  constructor(readonly greeting: string) {
    this.#built += 1
  }

  greet(name: string): string {
    return `${this.greeting}, ${name} (${this.#built})`
  }
}
