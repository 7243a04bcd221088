-- Works on each database.
CREATE TABLE books (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  stock INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  book TEXT NOT NULL REFERENCES books (id),
  count INTEGER NOT NULL CHECK (count > 0)
);
