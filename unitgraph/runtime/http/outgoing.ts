/** Status and headers of an answer before there is one. */

/** What is to go out, whatever the function returns or throws. */
export class Outgoing {
  status: number | undefined
  made: Headers | undefined
  /** Made for who has something to say in them. */
  get headers(): Headers {
    return (this.made ??= new Headers())
  }
}
