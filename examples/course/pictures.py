"""Writes the built-in digits as class folders of PNG files: python pictures.py FOLDER."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SIDE = 32  # pixels, as the networks of the course expect

digits = load_digits()
train, test = train_test_split(
    np.arange(len(digits.target)), test_size=0.2, random_state=0, stratify=digits.target
)
for split, members in (("train", train), ("test", test)):
    for i in members:
        folder = Path(sys.argv[1]) / split / str(digits.target[i])
        folder.mkdir(parents=True, exist_ok=True)
        pixels = (digits.images[i] * 15.9).astype(np.uint8)
        Image.fromarray(pixels).convert("RGB").resize((SIDE, SIDE)).save(folder / f"{i:04d}.png")
