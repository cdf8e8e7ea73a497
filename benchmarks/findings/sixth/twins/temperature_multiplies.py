"""Matching voices with faces: two encoders, one space, the right partner against all of the batch."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(22)
TEMPERATURE = 0.05
PERSON, VOICE, FACE = 12, 40, 60
to_voice, to_face = torch.randn(PERSON, VOICE), torch.randn(PERSON, FACE)


def people(count):
    traits = torch.randn(count, PERSON)
    voice = torch.tanh(traits @ to_voice / 3) + 0.3 * torch.randn(count, VOICE)
    face = torch.tanh(traits @ to_face / 3) + 0.3 * torch.randn(count, FACE)
    return voice, face


def encoder(width):
    return nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 16))


class Matcher(nn.Module):
    def __init__(self):
        super().__init__()
        self.voice, self.face = encoder(VOICE), encoder(FACE)

    def forward(self, voice, face):
        v = nn.functional.normalize(self.voice(voice), dim=1)
        f = nn.functional.normalize(self.face(face), dim=1)
        return v @ f.T / TEMPERATURE


loader = DataLoader(TensorDataset(*people(2000)), batch_size=100, shuffle=True, drop_last=True)
model = Matcher()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(20):
    model.train()
    total = 0.0
    for voice, face in loader:
        logits = model(voice, face)
        partner = torch.arange(len(logits))
        loss = (
            nn.functional.cross_entropy(logits, partner)
            + nn.functional.cross_entropy(logits.T, partner)
        ) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")

model.eval()
voice, face = people(300)
with torch.no_grad():
    best = model(voice, face).argmax(1)
print(f"right face among 300: {(best == torch.arange(300)).float().mean().item():.3f}")
