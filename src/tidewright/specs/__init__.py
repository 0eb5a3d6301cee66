"""The resources as Pydantic models: the one description that the CRDs, the command line, the Jobs and the docs come from.

Belongs here: the models, the quantities they are made of, and the reading of a manifest into them with errors that point at the line.
Does not belong here: files, clusters, and the arithmetic that the models parametrise.
"""
