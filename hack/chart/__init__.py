"""Makes and checks `helm/tidewright`: its generated files, and the programs that judge it. What is installed is in `helm/`, not here."""
