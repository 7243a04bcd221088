"""Runs of workflows for the command line: where they are kept, asked by the store's own code, shown to people."""
