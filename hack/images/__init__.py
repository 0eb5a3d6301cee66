"""Builds and judges the images of `Dockerfiles/`: with Docker, or with buildah where no daemon runs.

Here belongs which images there are, how they are built, measured, tried and given to a node. What is in an image is in `Dockerfiles/`, not here.
"""
