import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
tokens = torch.randint(0, 6, (4000, 10))
label = (tokens[:, 2] > tokens[:, 7]).long()


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=50):
        super().__init__()
        pe = torch.zeros(1, max_len, d_model)
        position = torch.arange(max_len).unsqueeze(1)
        div = torch.exp(torch.arange(0, d_model, 2) * (-math.log(100.0) / d_model))
        pe[0, :, 0::2] = torch.sin(position * div)
        pe[0, :, 1::2] = torch.cos(position * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[:, x.shape[1], :]


class Classifier(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.embedding = nn.Embedding(6, d)
        self.position = PositionalEncoding(d)
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.head = nn.Linear(d, 2)

    def forward(self, t):
        return self.head(self.encoder(self.position(self.embedding(t))).mean(1))


model = Classifier()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loader = DataLoader(TensorDataset(tokens[:3500], label[:3500]), batch_size=100, shuffle=True)
for epoch in range(10):
    for t, y in loader:
        loss = F.cross_entropy(model(t), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    right = model(tokens[3500:]).argmax(1) == label[3500:]
print("accuracy", right.float().mean().item())
