"""Data: from a dataset's name to the images and labels that a model is trained on."""
