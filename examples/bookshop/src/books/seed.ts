// Written by `doit seed` from data/shelf.csv.
import type { Book } from './book.ts'

/** The shelf that every process starts with. */
export const seed: readonly Book[] = [
  {
    "isbn": "9780141439518",
    "title": "Pride and Prejudice",
    "author": "Jane Austen",
    "genre": "novel",
    "priceCents": 899,
    "stock": 12
  },
  {
    "isbn": "9780141439471",
    "title": "Frankenstein",
    "author": "Mary Shelley",
    "genre": "novel",
    "priceCents": 750,
    "stock": 5
  },
  {
    "isbn": "9780140424393",
    "title": "Paradise Lost",
    "author": "John Milton",
    "genre": "poetry",
    "priceCents": 1100,
    "stock": 3
  },
  {
    "isbn": "9780140449082",
    "title": "The Histories",
    "author": "Herodotus",
    "genre": "history",
    "priceCents": 1495,
    "stock": 7
  },
  {
    "isbn": "9780451529060",
    "title": "The Origin of Species",
    "author": "Charles Darwin",
    "genre": "science",
    "priceCents": 995,
    "stock": 1
  }
]
