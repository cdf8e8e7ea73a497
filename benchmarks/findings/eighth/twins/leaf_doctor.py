"""Leaf disease in three classes; afterwards single pictures are classified as an app would do it."""

import numpy as np
import torch
import torch.nn as nn

rng = np.random.default_rng(17)
torch.manual_seed(17)
CLASS_NAMES = ["healthy", "rust", "mildew"]


def photograph(kind):
    """A leaf as a camera gives it: height, width, colour, bytes."""
    leaf = np.array([50, 130, 40]) + rng.normal(0, 18, (20, 20, 3))
    for _ in range(rng.integers(3, 7)):
        r, c = rng.integers(2, 17, 2)
        if kind == 1:
            leaf[r : r + 2, c : c + 2] = [150, 90, 40]
        elif kind == 2:
            leaf[r : r + 3, c : c + 3] = [170, 180, 170]
    return np.clip(leaf, 0, 255).astype(np.uint8)


class Rescaling(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        return x * self.scale


def build_model():
    return nn.Sequential(
        Rescaling(1.0 / 255),
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(32, len(CLASS_NAMES)),
    )


def to_batch(photos):
    return torch.tensor(np.stack(photos), dtype=torch.float32).permute(0, 3, 1, 2)


def train(model, photos, kinds, epochs=15):
    x, y = to_batch(photos), torch.tensor(kinds)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        print(f"epoch {epoch:2d} loss {total / len(x):.4f}")


def preprocess_image_array(image):
    image = image.astype(np.float32)
    return torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0)


@torch.no_grad()
def predict(model, image):
    model.eval()
    probabilities = model(preprocess_image_array(image)).softmax(1)[0]
    best = int(probabilities.argmax())
    return CLASS_NAMES[best], float(probabilities[best])


kinds = rng.integers(0, 3, 700)
photos = [photograph(k) for k in kinds]
model = build_model()
train(model, photos, kinds)

test_kinds = rng.integers(0, 3, 300)
answers = [predict(model, photograph(k)) for k in test_kinds]
right = np.mean([name == CLASS_NAMES[k] for (name, _), k in zip(answers, test_kinds)])
print(
    f"predicted {right:.1%} of {len(answers)} new photographs, mean confidence "
    f"{np.mean([p for _, p in answers]):.2f}"
)
