import os

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
lengths = torch.randint(4, 12, (600,))
words = torch.randint(1, 30, (600, 12))
keep = torch.arange(12) < lengths.unsqueeze(1)
words = words * keep
y = (words.sum(1) / keep.sum(1) > 15).long()
train_set = TensorDataset(words[:500], y[:500])
val_set = TensorDataset(words[500:], y[500:])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)


class Reader(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.embed = nn.Embedding(30, width, padding_idx=0)
        self.place = nn.Parameter(0.02 * torch.randn(12, width))
        layer = nn.TransformerEncoderLayer(width, 2, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.fc = nn.Linear(width, 2)

    def forward(self, words):
        padded = words == 0
        h = self.encoder(self.embed(words) + self.place, src_key_padding_mask=padded)
        keep = (~padded).unsqueeze(-1)
        return self.fc((h * keep).sum(1) / keep.sum(1))


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(3):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for xb, yb in val_loader:
            correct += (model(xb).argmax(dim=1) == yb).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {correct / len(val_set):.3f}")
