"""One module for each command: it wires, prints and sets the exit code."""
