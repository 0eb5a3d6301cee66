"""Tidewright: trading research as Kubernetes resources."""
