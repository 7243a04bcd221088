"""The commands, as doit's plug-ins: each parses its options, calls the engine and prints."""
