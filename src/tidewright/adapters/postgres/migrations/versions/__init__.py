"""One migration a module: plain SQL, a statement at a time."""
